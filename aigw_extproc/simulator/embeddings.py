"""InvokeModel with the bodies of embedding models: their documented schemas, strictly, and vectors made of the text.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from hashlib import shake_256
from typing import Annotated, Any, Literal

import msgspec

from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.invocation import Invocation, decode
from aigw_extproc.simulator.prompt import tokens

MAX_TOKENS = 8192
"""Of one text, for Titan and Nova."""

InputType = Literal["search_document", "search_query", "classification", "clustering"]


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What all bodies are: no field but those that are listed."""


class TitanV1(Body, frozen=True, kw_only=True):
    """Titan Embeddings G1 - Text."""

    inputText: Annotated[str, msgspec.Meta(min_length=1, max_length=50_000)]  # noqa: N815 - Bedrock's own

    @property
    def dimensions(self) -> int:
        """It knows one length only."""
        return 1536


class TitanV2(Body, frozen=True, kw_only=True):
    """Titan Text Embeddings V2."""

    inputText: Annotated[str, msgspec.Meta(min_length=1, max_length=50_000)]  # noqa: N815 - as above
    dimensions: Literal[256, 512, 1024] = 1024
    normalize: bool = True


class CohereV3(Body, frozen=True, kw_only=True):
    """Embed English and Multilingual."""

    texts: Annotated[list[Annotated[str, msgspec.Meta(max_length=2048)]], msgspec.Meta(min_length=1, max_length=96)]
    input_type: InputType
    truncate: Literal["NONE", "START", "END"] = "NONE"

    @property
    def dimensions(self) -> int:
        """It knows one length only."""
        return 1024


class CohereV4(Body, frozen=True, kw_only=True):
    """Embed v4."""

    texts: Annotated[list[str], msgspec.Meta(min_length=1, max_length=96)]
    input_type: InputType
    output_dimension: Literal[256, 512, 1024, 1536] = 1536
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=128_000)] = 128_000
    truncate: Literal["NONE", "LEFT", "RIGHT"] = "NONE"


class NovaText(Body, frozen=True, kw_only=True):
    """Text within the request."""

    truncationMode: Literal["START", "END", "NONE"]  # noqa: N815 - Bedrock's own
    value: Annotated[str, msgspec.Meta(min_length=1)]


class NovaParameters(Body, frozen=True, kw_only=True):
    """One embedding of one text; the simulator has no eyes and ears for the other kinds."""

    embeddingPurpose: Literal[  # noqa: N815 - Bedrock's own
        "GENERIC_INDEX",
        "GENERIC_RETRIEVAL",
        "TEXT_RETRIEVAL",
        "IMAGE_RETRIEVAL",
        "VIDEO_RETRIEVAL",
        "DOCUMENT_RETRIEVAL",
        "AUDIO_RETRIEVAL",
        "CLASSIFICATION",
        "CLUSTERING",
    ]
    embeddingDimension: Literal[256, 384, 1024, 3072] = 3072  # noqa: N815 - Bedrock's own
    text: NovaText


class Nova(Body, frozen=True, kw_only=True):
    """Nova Multimodal Embeddings, the synchronous part."""

    schemaVersion: Literal["nova-multimodal-embed-v1"] = "nova-multimodal-embed-v1"  # noqa: N815 - Bedrock's own
    taskType: Literal["SINGLE_EMBEDDING"]  # noqa: N815 - Bedrock's own
    singleEmbeddingParams: NovaParameters  # noqa: N815 - Bedrock's own


def titan_v1(body: bytes) -> Invocation:
    """Raises Invalid, as all of these."""
    return _titan(decode(body, TitanV1))


def titan_v2(body: bytes) -> Invocation:
    """With a vector in the length that was asked for."""
    return _titan(decode(body, TitanV2), by_type=True)


def cohere_v3(body: bytes) -> Invocation:
    """Up to 96 texts at once."""
    request = decode(body, CohereV3)
    return _cohere(request.texts, request.input_type, request.dimensions)


def cohere_v4(body: bytes) -> Invocation:
    """The same, in the length that was asked for; its vectors come by their type."""
    request = decode(body, CohereV4)
    answer = _cohere(request.texts, request.input_type, request.output_dimension)
    by_type = {**answer.body, "embeddings": {"float": answer.body["embeddings"]}, "response_type": "embeddings_by_type"}
    return Invocation(body=by_type, input_tokens=answer.input_tokens)


def nova(body: bytes) -> Invocation:
    """One text, and what it is embedded for."""
    asked = decode(body, Nova).singleEmbeddingParams
    count = _count([asked.text.value])
    embedding = vector(asked.text.value, asked.embeddingDimension, asked.embeddingPurpose)
    return Invocation(body={"embeddings": [{"embeddingType": "TEXT", "embedding": embedding}]}, input_tokens=count)


def _titan(request: TitanV1 | TitanV2, *, by_type: bool = False) -> Invocation:
    count = _count([request.inputText])
    embedding = vector(request.inputText, request.dimensions)
    answer: dict[str, Any] = {"embedding": embedding, "inputTextTokenCount": count}
    if by_type:
        answer["embeddingsByType"] = {"float": embedding}
    return Invocation(body=answer, input_tokens=count)


def _cohere(texts: list[str], input_type: str, dimensions: int) -> Invocation:
    body = {
        "id": "5f0a2c1e-0000-4000-8000-000000000000",
        "response_type": "embeddings_floats",
        "embeddings": [vector(text, dimensions, input_type) for text in texts],
        "texts": texts,
    }
    return Invocation(body=body, input_tokens=sum(len(tokens(text)) for text in texts))


def _count(texts: Iterable[str]) -> int:
    count = sum(len(tokens(text)) for text in texts)
    if count > MAX_TOKENS:
        raise Invalid(f"Too many input tokens. Max input tokens: {MAX_TOKENS}, request input token count: {count}")
    return count


def vector(text: str, dimensions: int, purpose: str = "") -> list[float]:
    """A direction that is always the same for a text and what it is embedded for; of length one."""
    noise = shake_256(f"{purpose}\n{text}".encode()).digest(4 * dimensions)
    numbers = [number / 2**31 for number in struct.unpack(f"<{dimensions}i", noise)]
    length = math.hypot(*numbers)
    return [number / length for number in numbers]
