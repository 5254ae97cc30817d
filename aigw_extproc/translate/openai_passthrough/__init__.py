"""OpenAI's endpoints to backends that speak OpenAI's API themselves: what clients say and get stays as it is."""

from aigw_extproc.translate.openai_passthrough.request import parse, to

__all__ = ["parse", "to"]
