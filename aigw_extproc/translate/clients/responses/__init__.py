"""Responses, carried by any translation of chat completions to Converse, with a way back of its own."""

from aigw_extproc.translate.clients.responses.request import over_chat

__all__ = ["over_chat"]
