"""Embeddings, in the body of the model's family."""

from aigw_extproc.translate.invoke.embeddings.request import translate_request

__all__ = ["translate_request"]
