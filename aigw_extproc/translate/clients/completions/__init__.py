"""Legacy completions to Converse and ConverseStream, the prompt being the only turn, and back."""

from aigw_extproc.translate.clients.completions.request import translate_request

__all__ = ["translate_request"]
