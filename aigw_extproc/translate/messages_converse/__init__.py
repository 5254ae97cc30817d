"""Anthropic Messages to Converse and ConverseStream, and back; and their tokens to CountTokens."""

from aigw_extproc.translate.messages_converse.count import translate_count
from aigw_extproc.translate.messages_converse.request import translate_request

__all__ = ["translate_count", "translate_request"]
