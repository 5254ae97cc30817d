"""Compilation of typed resources into a `Snapshot`: references resolved, policies merged, values validated.

`configuration.compile_documents` is the entry point; one module for each part of the snapshot.
"""
