"""The kinds of resources, field by field, and the decoding of text into them.

Every fault is recorded with its file, resource and field path.
"""
