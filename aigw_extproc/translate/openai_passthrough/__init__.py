"""OpenAI's endpoints to backends that speak OpenAI's API: requests and responses pass unchanged."""

from aigw_extproc.translate.openai_passthrough.request import parse, to

__all__ = ["parse", "to"]
