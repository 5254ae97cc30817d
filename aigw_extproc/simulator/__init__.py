"""A simulator of bedrock-runtime that rejects the requests that the real service rejects.

It judges the translations, so it shares no code with them: an import contract forbids it.
"""
