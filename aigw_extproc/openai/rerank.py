"""Request and response of rerank in Cohere's format, which others (Jina, vLLM…) use too.

https://docs.cohere.com/reference/rerank
"""

from __future__ import annotations

import msgspec

from aigw_extproc import wire


class TextDocument(msgspec.Struct, frozen=True):
    """A document in the format of Cohere's API v1."""

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
    """Position of the document in the request."""
    relevance_score: float
    document: TextDocument | msgspec.UnsetType = msgspec.UNSET


class RerankUsage(msgspec.Struct, frozen=True, kw_only=True):
    prompt_tokens: int
    total_tokens: int


class RerankResponse(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    model: str
    results: list[RerankResult]
    """Most relevant first."""
    usage: RerankUsage


_REQUEST = msgspec.json.Decoder(RerankRequest)


def parse(body: bytes) -> RerankRequest:
    """Parse the body of POST /v1/rerank and /cohere/v2/rerank.

    Raises:
        InvalidRequest: the body is not JSON or a field has the wrong type; `param` is the field's path.
    """
    return wire.decode_open(_REQUEST, body)
