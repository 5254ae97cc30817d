"""Legacy completions; the prompt becomes the only message of a conversation.

https://platform.openai.com/docs/api-reference/completions
"""

from aigw_extproc.translate.clients.completions.request import to_converse

__all__ = ["to_converse"]
