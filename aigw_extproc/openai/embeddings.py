"""Request and response of embeddings.

https://platform.openai.com/docs/api-reference/embeddings
Besides OpenAI's own fields the request has `input_type`, for models that embed queries and documents differently.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from aigw_extproc import wire

InputType = Literal["search_document", "search_query", "classification", "clustering"]
"""The purpose of the embeddings, with Cohere's values."""


class EmbeddingsRequest(wire.Open, frozen=True, kw_only=True):
    model: str
    input: str | list[str | int | list[int]]
    """One text or several, or one list of token ids or several."""
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    input_type: InputType | None = None
    user: str | None = None


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    object: str = "embedding"
    index: int
    embedding: list[float] | str
    """Numbers, or little-endian float32 values in base64."""


class EmbeddingsUsage(msgspec.Struct, frozen=True, kw_only=True):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(msgspec.Struct, frozen=True, kw_only=True):
    object: str = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingsUsage


_REQUEST = msgspec.json.Decoder(EmbeddingsRequest)


def parse(body: bytes) -> EmbeddingsRequest:
    """Parse the body of POST /v1/embeddings.

    Raises:
        InvalidRequest: the body is not JSON or a field has the wrong type; `param` is the field's path.
    """
    return wire.decode_open(_REQUEST, body)
