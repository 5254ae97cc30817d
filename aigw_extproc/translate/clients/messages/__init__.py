"""Anthropic Messages to Converse and ConverseStream, and back; and their tokens to CountTokens."""

from aigw_extproc.translate.clients.messages.count import translate_count
from aigw_extproc.translate.clients.messages.request import translate_request

__all__ = ["translate_count", "translate_request"]
