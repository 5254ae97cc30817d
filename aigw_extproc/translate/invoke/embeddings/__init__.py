"""Embeddings to InvokeModel, in the body of the model's own family, and back."""

from aigw_extproc.translate.invoke.embeddings.request import translate_request

__all__ = ["translate_request"]
