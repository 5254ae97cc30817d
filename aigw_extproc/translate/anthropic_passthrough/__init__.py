"""Anthropic Messages to Claude on InvokeModel, whose body is Anthropic's own; and their tokens to CountTokens."""

from aigw_extproc.translate.anthropic_passthrough.request import translate_count, translate_request

__all__ = ["translate_count", "translate_request"]
