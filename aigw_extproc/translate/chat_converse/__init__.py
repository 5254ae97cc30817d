"""Chat completions to Converse and ConverseStream, and back."""

from aigw_extproc.translate.chat_converse.request import translate_request

__all__ = ["translate_request"]
