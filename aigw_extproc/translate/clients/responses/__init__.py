"""OpenAI's Responses, translated as a chat completion with items and events of its own.

https://platform.openai.com/docs/api-reference/responses
"""

from aigw_extproc.translate.clients.responses.request import to_converse

__all__ = ["to_converse"]
