"""Embeddings: the request as clients send it, and the answer that they get.

https://platform.openai.com/docs/api-reference/embeddings
Besides OpenAI's own fields the request has `input_type`: models that tell questions from documents want to know which
one a text is.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from aigw_extproc import wire

InputType = Literal["search_document", "search_query", "classification", "clustering"]
"""What a text is embedded for, in Cohere's words."""


class EmbeddingsRequest(wire.Open, frozen=True, kw_only=True):
    model: str
    input: str | list[str | int | list[int]]
    """One text, several, or what OpenAI's own tokenizer made of them: one list of ids, or several."""
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    input_type: InputType | None = None
    user: str | None = None


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    object: str = "embedding"
    index: int
    embedding: list[float] | str
    """Numbers, or their little-endian float32 in base64."""


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
    """Parses the body of POST /v1/embeddings.

    Raises:
        InvalidRequest: the body is not JSON or a field has the wrong type; `param` is the field's path.
    """
    return wire.decode_open(_REQUEST, body)
