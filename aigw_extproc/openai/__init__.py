"""The wire types of OpenAI's API, and of Cohere's and vLLM's endpoints beside it: one module per endpoint.

A module parses the request and defines the response; nothing here knows Bedrock.
"""
