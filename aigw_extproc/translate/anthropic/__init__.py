"""Facts about Anthropic's API on Bedrock that carriers and pass-through share: events, usage, betas.

The twin of `converse/`.
"""
