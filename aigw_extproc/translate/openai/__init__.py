"""What the clients of OpenAI's APIs share: request parameters, citations.

The counterpart of `anthropic/`.
"""
