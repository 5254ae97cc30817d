"""Anthropic's Messages.

https://docs.anthropic.com/en/api/messages
"""

from aigw_extproc.translate.clients.messages.request import to_converse, to_counted

__all__ = ["to_converse", "to_counted"]
