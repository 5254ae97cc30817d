"""InvokeModel bodies of rerank models.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-rerank.html
https://docs.cohere.com/reference/rerank
"""

from __future__ import annotations

import msgspec

COHERE_API_VERSION = 2
"""Bedrock's `cohere.rerank-v3-5` requires the version of Cohere's API."""


class RerankModelRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    query: str
    documents: list[str]
    top_n: int | None = None
    max_tokens_per_doc: int | None = None
    api_version: int | None = None


class RerankModelResult(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    relevance_score: float


class RerankModelResponse(msgspec.Struct, frozen=True, kw_only=True):
    results: list[RerankModelResult]
