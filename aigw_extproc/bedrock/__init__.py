"""Bedrock's wire types, one module per operation; its event stream, its errors, and the facts about model families.

`families.toml` and `models.toml` hold the facts: nothing else asks for a model by name.
"""
