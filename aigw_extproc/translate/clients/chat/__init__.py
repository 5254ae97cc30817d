"""Chat completions.

https://platform.openai.com/docs/api-reference/chat
"""

from aigw_extproc.translate.clients.chat.request import to_converse

__all__ = ["to_converse"]
