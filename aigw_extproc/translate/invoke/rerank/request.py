"""Rerank request → InvokeModel request."""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock import rerank as bedrock
from aigw_extproc.bedrock.invoke import invoke_path
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai.rerank import RerankRequest
from aigw_extproc.translate.contract import Target, UpstreamRequest
from aigw_extproc.translate.invoke.rerank.answer import RerankAnswer

MAX_DOCUMENTS = 1000
"""https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html, `sources`"""

_encode = msgspec.json.Encoder().encode


def translate_request(request: RerankRequest, target: Target) -> UpstreamRequest:
    """Translate a parsed rerank request.

    Raises:
        InvalidRequest: the model does not rerank, or not this request; `param` names the field.
    """
    if not target.family.rerank:
        raise InvalidRequest.at(
            "model",
            f"{target.model} is not known to rerank; use amazon.rerank-v1:0 or cohere.rerank-v3-5:0, or name the body"
            " that it takes with the fact `rerank` in the annotation aigw-extproc/model-families",
        )
    documents = _documents(request)
    cohere = target.family.rerank == "cohere"
    body = bedrock.RerankModelRequest(
        query=_query(request),
        documents=documents,
        top_n=_top_n(request),
        max_tokens_per_doc=request.max_tokens_per_doc if cohere else None,
        api_version=bedrock.COHERE_API_VERSION if cohere else None,
    )
    unknown = ["max_tokens_per_doc"] if request.max_tokens_per_doc is not None and not cohere else []
    return UpstreamRequest(
        path=invoke_path(target.model),
        body=_encode(body),
        accept="application/json",
        stream=False,
        dropped=(*unknown, *request.others),
        answer=RerankAnswer(
            model=request.model, count=len(documents), documents=documents if request.return_documents else None
        ),
    )


def _query(request: RerankRequest) -> str:
    if not request.query.strip():
        raise InvalidRequest.at("query", "the query is blank")
    return request.query


def _documents(request: RerankRequest) -> list[str]:
    documents = [document if isinstance(document, str) else document.text for document in request.documents]
    if not 1 <= len(documents) <= MAX_DOCUMENTS:
        raise InvalidRequest.at("documents", f"expected 1 to {MAX_DOCUMENTS} documents, got {len(documents)}")
    for index, document in enumerate(documents):
        if not document:
            raise InvalidRequest.at(f"documents[{index}]", "the document is empty")
    return documents


def _top_n(request: RerankRequest) -> int | None:
    """Limit `top_n` to the number of documents: Cohere's API takes more, Amazon's model does not."""
    if request.top_n is None:
        return None
    if request.top_n < 1:
        raise InvalidRequest.at("top_n", f"has to be at least 1, got {request.top_n}")
    return min(request.top_n, len(request.documents))
