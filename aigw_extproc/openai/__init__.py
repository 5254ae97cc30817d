"""OpenAI wire types, one module per endpoint."""
