"""The kinds of resources, field by field, and how text becomes typed values of them.

Every fault is recorded with its file, resource and field path; nothing is compiled here.
"""
