"""The wire types of Anthropic's API: one module per endpoint.

A module parses the request and defines the response; nothing here knows Bedrock.
"""
