"""InvokeModel's response → the ranking."""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock import rerank as bedrock
from aigw_extproc.bedrock.invoke import input_tokens
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.openai.rerank import RerankResponse, RerankResult, RerankUsage, TextDocument
from aigw_extproc.translate.contract import BufferedAnswer, ClientResponse, ResponseContext, TokenCounts

_encode = msgspec.json.Encoder().encode
DOCUMENTS_PER_SEARCH = 100
"""A query with more documents is charged as several: https://aws.amazon.com/bedrock/pricing/"""
_RESPONSE = msgspec.json.Decoder(bedrock.RerankModelResponse)


class RerankAnswer(BufferedAnswer, frozen=True, kw_only=True):
    """Implements `contract.Answer`."""

    model: str
    """The name that the client used; the response carries it."""
    count: int
    """The number of documents."""
    documents: list[str] | None
    """The documents, if the client wants them in the response."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        tokens = input_tokens(context.headers)
        answer = RerankResponse(
            id=context.request_id,
            model=self.model,
            results=[self._result(result) for result in self._decoded(body)],
            usage=RerankUsage(prompt_tokens=tokens, total_tokens=tokens),
        )
        searches = -(-self.count // DOCUMENTS_PER_SEARCH)
        usage = TokenCounts(input_tokens=tokens, total_tokens=tokens, searches=searches)
        return ClientResponse(body=_encode(answer), usage=usage)

    def _decoded(self, body: bytes) -> list[bedrock.RerankModelResult]:
        try:
            results = _RESPONSE.decode(body).results
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise InvalidUpstreamResponse("the upstream answered 200 with a body that is not a ranking") from None
        if not all(0 <= result.index < self.count for result in results):
            raise InvalidUpstreamResponse("the upstream ranked a document that it was not given")
        return results

    def _result(self, result: bedrock.RerankModelResult) -> RerankResult:
        document = msgspec.UNSET if self.documents is None else TextDocument(text=self.documents[result.index])
        return RerankResult(index=result.index, relevance_score=result.relevance_score, document=document)
