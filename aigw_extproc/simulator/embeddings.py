"""InvokeModel for embedding models: their documented schemas, and vectors that depend on the text.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
"""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from hashlib import shake_256
from typing import Annotated, Literal

import msgspec

from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.invocation import Invocation, InvokeBody, decode
from aigw_extproc.simulator.prompt import count_text

MAX_TOKENS = 8192
"""Limit of one text, for Titan and Nova."""

InputType = Literal["search_document", "search_query", "classification", "clustering"]


class TitanV1(InvokeBody, frozen=True, kw_only=True, rename="camel"):
    """Titan Embeddings G1 - Text."""

    input_text: Annotated[str, msgspec.Meta(min_length=1, max_length=50_000)]


class TitanV2(TitanV1, frozen=True, kw_only=True):
    """Titan Text Embeddings V2."""

    dimensions: Literal[256, 512, 1024] = 1024
    normalize: bool = True


class TitanImageConfig(InvokeBody, frozen=True, kw_only=True, rename="camel"):
    """The length of an embedding of Titan Multimodal."""

    output_embedding_length: Literal[256, 384, 1024] = 1024


class TitanImage(InvokeBody, frozen=True, kw_only=True, rename="camel"):
    """Titan Multimodal Embeddings G1."""

    input_text: str = ""
    input_image: str = ""
    embedding_config: TitanImageConfig = TitanImageConfig()


class CohereV3(InvokeBody, frozen=True, kw_only=True):
    """Embed English and Multilingual."""

    texts: Annotated[list[Annotated[str, msgspec.Meta(max_length=2048)]], msgspec.Meta(min_length=1, max_length=96)]
    input_type: InputType
    truncate: Literal["NONE", "START", "END"] = "NONE"


class CohereV4(InvokeBody, frozen=True, kw_only=True):
    """Embed v4."""

    texts: Annotated[list[str], msgspec.Meta(min_length=1, max_length=96)]
    input_type: InputType
    output_dimension: Literal[256, 512, 1024, 1536] = 1536
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=128_000)] = 128_000
    truncate: Literal["NONE", "LEFT", "RIGHT"] = "NONE"


class NovaText(InvokeBody, frozen=True, kw_only=True, rename="camel"):
    """Text in the request."""

    truncation_mode: Literal["START", "END", "NONE"]
    value: Annotated[str, msgspec.Meta(min_length=1)]


class NovaImageSource(InvokeBody, frozen=True, kw_only=True):
    """Bytes in the request."""

    bytes: str


class NovaImage(InvokeBody, frozen=True, kw_only=True):
    """An image in the request."""

    format: Literal["png", "jpeg", "gif", "webp"]
    source: NovaImageSource


class NovaParameters(InvokeBody, frozen=True, kw_only=True, rename="camel"):
    """One embedding of one text or image. The simulator does not support other media."""

    embedding_purpose: Literal[
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
    embedding_dimension: Literal[256, 384, 1024, 3072] = 3072
    text: NovaText | msgspec.UnsetType = msgspec.UNSET
    image: NovaImage | msgspec.UnsetType = msgspec.UNSET


class Nova(InvokeBody, frozen=True, kw_only=True, rename="camel"):
    """Nova Multimodal Embeddings, synchronous."""

    schema_version: Literal["nova-multimodal-embed-v1"] = "nova-multimodal-embed-v1"
    task_type: Literal["SINGLE_EMBEDDING"]
    single_embedding_params: NovaParameters


def titan_v1(body: bytes) -> Invocation:
    """Return the embedding of a text. Raises Invalid."""
    return _titan(decode(body, TitanV1).input_text, 1536)


def titan_v2(body: bytes) -> Invocation:
    """Return the embedding of a text, in the requested length. Raises Invalid."""
    request = decode(body, TitanV2)
    return _titan(request.input_text, request.dimensions, by_type=True)


def titan_image(body: bytes) -> Invocation:
    """Return the embedding of a text, an image or both. Raises Invalid."""
    request = decode(body, TitanImage)
    if not request.input_text and not request.input_image:
        raise Invalid("Malformed input request: inputText or inputImage is required")
    return _titan(f"{request.input_text}{request.input_image}", request.embedding_config.output_embedding_length)


def cohere_v3(body: bytes) -> Invocation:
    """Return the embeddings of up to 96 texts. Raises Invalid."""
    request = decode(body, CohereV3)
    return _cohere(request.texts, request.input_type, 1024)


def cohere_v4(body: bytes) -> Invocation:
    """Return the embeddings of up to 96 texts by type, in the requested length. Raises Invalid."""
    request = decode(body, CohereV4)
    result = _cohere(request.texts, request.input_type, request.output_dimension)
    by_type = {"embeddings": {"float": result.body["embeddings"]}, "response_type": "embeddings_by_type"}
    return replace(result, body={**result.body, **by_type})


def nova(body: bytes) -> Invocation:
    """Return the embedding of a text for a purpose. Raises Invalid."""
    parameters = decode(body, Nova).single_embedding_params
    if (parameters.text is msgspec.UNSET) == (parameters.image is msgspec.UNSET):
        raise Invalid("singleEmbeddingParams: exactly one of text, image, video and audio is required")
    text = _content(parameters)
    embedding = vector(text, parameters.embedding_dimension, parameters.embedding_purpose)
    kind = "TEXT" if isinstance(parameters.text, NovaText) else "IMAGE"
    return Invocation(body={"embeddings": [{"embeddingType": kind, "embedding": embedding}]}, input_tokens=_count(text))


def _content(parameters: NovaParameters) -> str:
    if isinstance(parameters.text, NovaText):
        return parameters.text.value
    return parameters.image.source.bytes if isinstance(parameters.image, NovaImage) else ""


def _titan(text: str, dimensions: int, *, by_type: bool = False) -> Invocation:
    count = _count(text)
    embedding = vector(text, dimensions)
    typed = {"embeddingsByType": {"float": embedding}} if by_type else {}
    return Invocation(body={"embedding": embedding, "inputTextTokenCount": count, **typed}, input_tokens=count)


def _cohere(texts: list[str], input_type: str, dimensions: int) -> Invocation:
    body = {
        "id": "5f0a2c1e-0000-4000-8000-000000000000",
        "response_type": "embeddings_floats",
        "embeddings": [vector(text, dimensions, input_type) for text in texts],
        "texts": texts,
    }
    return Invocation(body=body, input_tokens=count_text(texts))


def _count(text: str) -> int:
    count = count_text(text)
    if count > MAX_TOKENS:
        raise Invalid(f"Too many input tokens. Max input tokens: {MAX_TOKENS}, request input token count: {count}")
    return count


def vector(text: str, dimensions: int, purpose: str = "") -> list[float]:
    """Return a vector of length one that is always the same for a text and its purpose."""
    noise = shake_256(f"{purpose}\n{text}".encode()).digest(4 * dimensions)
    numbers = [number / 2**31 for number in struct.unpack(f"<{dimensions}i", noise)]
    length = math.hypot(*numbers)
    return [number / length for number in numbers]
