"""Facts about OpenAI's APIs that several clients share: sampling parameters, citations.

The twin of `anthropic/`.
"""
