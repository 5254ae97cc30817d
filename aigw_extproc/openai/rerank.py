"""Rerank: the request and the answer as Cohere has them, and with it those who took its form over (Jina, vLLM…).

https://docs.cohere.com/reference/rerank
"""

from __future__ import annotations

import msgspec

from aigw_extproc import wire


class TextDocument(msgspec.Struct, frozen=True):
    """A document in Cohere's old form."""

    text: str


class RerankRequest(wire.Open, frozen=True, kw_only=True):
    model: str
    query: str
    documents: list[str | TextDocument]
    top_n: int | None = None
    return_documents: bool | None = None
    max_tokens_per_doc: int | None = None


class RerankResult(msgspec.Struct, frozen=True, kw_only=True):
    index: int
    """The document's place in the request."""
    relevance_score: float
    document: TextDocument | msgspec.UnsetType = msgspec.UNSET


class RerankUsage(msgspec.Struct, frozen=True, kw_only=True):
    prompt_tokens: int
    total_tokens: int


class RerankResponse(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    model: str
    results: list[RerankResult]
    """The most relevant first."""
    usage: RerankUsage


_REQUEST = msgspec.json.Decoder(RerankRequest)


def parse(body: bytes) -> RerankRequest:
    """Parses the body of POST /v1/rerank and /cohere/v2/rerank.

    Raises:
        InvalidRequest: the body is not JSON or a field has the wrong type; `param` is the field's path.
    """
    return wire.decode_open(_REQUEST, body)
