"""InvokeModel for reranking models: the relevance of a document is the share of the query's words in it.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-rerank.html
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.invocation import Invocation, InvokeBody, decode
from aigw_extproc.simulator.prompt import count_text

Positive = Annotated[int, msgspec.Meta(ge=1)]
NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]


class AmazonRerankRequest(InvokeBody, frozen=True, kw_only=True):
    """Amazon Rerank 1.0."""

    query: NonEmpty
    documents: Annotated[list[NonEmpty], msgspec.Meta(min_length=1, max_length=1000)]
    top_n: Positive | msgspec.UnsetType = msgspec.UNSET


class CohereRerankRequest(AmazonRerankRequest, frozen=True, kw_only=True):
    """Cohere Rerank 3.5."""

    max_tokens_per_doc: Positive | msgspec.UnsetType = msgspec.UNSET
    api_version: Literal[2]


def amazon(body: bytes) -> Invocation:
    """Return the ranking of the documents. Raises Invalid."""
    request = decode(body, AmazonRerankRequest)
    if request.top_n is not msgspec.UNSET and request.top_n > len(request.documents):
        raise Invalid("top_n must not be greater than the number of documents")
    return _ranking(request)


def cohere(body: bytes) -> Invocation:
    """Return the ranking of the documents. Raises Invalid."""
    return _ranking(decode(body, CohereRerankRequest))


def _ranking(request: AmazonRerankRequest) -> Invocation:
    scores = [relevance(request.query, document) for document in request.documents]
    results = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
    results.sort(key=lambda result: -result["relevance_score"])
    count = count_text([request.query, *request.documents])
    return Invocation(body={"results": results[: request.top_n or None]}, input_tokens=count)


def relevance(query: str, document: str) -> float:
    """Return the share of the query's words that the document has."""
    wanted, present = set(query.lower().split()), set(document.lower().split())
    return len(wanted & present) / (len(wanted) or 1)
