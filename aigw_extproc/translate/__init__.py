"""Translations between what clients speak and what backends speak: pure functions, no clock, no I/O.

A package per pair (`chat_converse`: chat completions to Converse), each with `translate_request` as its door;
`registry` says which pair serves an endpoint on a schema. No translation knows of another.
"""
