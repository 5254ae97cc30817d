"""InvokeModel with the bodies of reranking models: relevant is what shares words with the query.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-rerank.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.invocation import Invocation, decode
from aigw_extproc.simulator.prompt import tokens

Positive = Annotated[int, msgspec.Meta(ge=1)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Documents = Annotated[list[Text], msgspec.Meta(min_length=1, max_length=1000)]


class Amazon(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Amazon Rerank 1.0."""

    query: Text
    documents: Documents
    top_n: Positive | msgspec.UnsetType = msgspec.UNSET


class Cohere(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Cohere Rerank 3.5."""

    query: Text
    documents: Documents
    top_n: Positive | msgspec.UnsetType = msgspec.UNSET
    max_tokens_per_doc: Positive | msgspec.UnsetType = msgspec.UNSET
    api_version: Literal[2]


def amazon(body: bytes) -> Invocation:
    """Raises Invalid, as `cohere` does."""
    request = decode(body, Amazon)
    if request.top_n is not msgspec.UNSET and request.top_n > len(request.documents):
        raise Invalid("top_n must not be greater than the number of documents")
    return _ranked(request.query, request.documents, request.top_n)


def cohere(body: bytes) -> Invocation:
    """The same, with Cohere's own fields."""
    request = decode(body, Cohere)
    return _ranked(request.query, request.documents, request.top_n)


def _ranked(query: str, documents: Sequence[str], top_n: int | msgspec.UnsetType) -> Invocation:
    results = [
        {"index": index, "relevance_score": relevance(query, document)} for index, document in enumerate(documents)
    ]
    results.sort(key=lambda result: -result["relevance_score"])
    count = sum(len(tokens(text)) for text in (query, *documents))
    return Invocation(body={"results": results[: top_n or None]}, input_tokens=count)


def relevance(query: str, document: str) -> float:
    """The share of the query's words that the document has."""
    wanted, found = set(query.lower().split()), set(document.lower().split())
    return len(wanted & found) / (len(wanted) or 1)
