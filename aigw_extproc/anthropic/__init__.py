"""Anthropic wire types, one module per endpoint."""
