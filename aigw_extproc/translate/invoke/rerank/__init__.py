"""Reranking, in Cohere's or Amazon's body."""

from aigw_extproc.translate.invoke.rerank.request import translate_request

__all__ = ["translate_request"]
