"""Chat completions to Converse and ConverseStream, and back; and their tokens to CountTokens."""

from aigw_extproc.translate.chat_converse.count import translate_count
from aigw_extproc.translate.chat_converse.request import translate_request

__all__ = ["translate_count", "translate_request"]
