"""InvokeModel's responses → the list of embeddings."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Sequence

import msgspec

from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.openai.embeddings import Embedding, EmbeddingList, EmbeddingsUsage
from aigw_extproc.translate.contract import (
    BufferedAnswer,
    ClientResponse,
    ResponseContext,
    TokenCounts,
    UpstreamResponse,
)
from aigw_extproc.translate.invoke.embeddings.formats import FORMATS, Embedded

_encode = msgspec.json.Encoder().encode


class EmbeddingsAnswer(BufferedAnswer, frozen=True, kw_only=True):
    """Implements `contract.BatchAnswer`."""

    model: str
    """The name that the client used; the response carries it."""
    format: str
    """One of `FORMATS`."""
    base64: bool
    sizes: tuple[int, ...]
    """The number of texts in each request."""

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        return self.translate_batch([UpstreamResponse(status=200, headers=context.headers, body=body)], context)

    def translate_batch(self, responses: Sequence[UpstreamResponse], context: ResponseContext) -> ClientResponse:
        parts = [self._read(response, size) for response, size in zip(responses, self.sizes, strict=True)]
        vectors = (vector for part in parts for vector in part.embeddings)
        tokens = sum(part.tokens for part in parts)
        answer = EmbeddingList(
            data=[Embedding(index=index, embedding=self._encoded(vector)) for index, vector in enumerate(vectors)],
            model=self.model,
            usage=EmbeddingsUsage(prompt_tokens=tokens, total_tokens=tokens),
        )
        return ClientResponse(body=_encode(answer), usage=TokenCounts(input_tokens=tokens, total_tokens=tokens))

    def _read(self, response: UpstreamResponse, size: int) -> Embedded:
        try:
            found = FORMATS[self.format].read(response)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise InvalidUpstreamResponse("the upstream answered 200 with a body that holds no embeddings") from None
        if len(found.embeddings) != size:
            raise InvalidUpstreamResponse(f"the upstream answered {size} texts with {len(found.embeddings)} embeddings")
        return found

    def _encoded(self, vector: list[float]) -> list[float] | str:
        return _float32(vector) if self.base64 else vector


def _float32(vector: list[float]) -> str:
    """Encode as little-endian float32: the default that OpenAI's SDKs request."""
    try:
        return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except OverflowError:
        raise InvalidUpstreamResponse("the upstream answered with a number that is no float32") from None
