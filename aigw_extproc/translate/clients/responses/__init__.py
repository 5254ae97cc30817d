"""OpenAI's Responses, translated by way of a chat completion request.

https://platform.openai.com/docs/api-reference/responses
"""

from aigw_extproc.translate.clients.responses.request import to_converse, to_counted

__all__ = ["to_converse", "to_counted"]
