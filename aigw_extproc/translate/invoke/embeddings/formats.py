"""The bodies of the model families: texts per call, request, response."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from aigw_extproc.bedrock import embeddings as bedrock
from aigw_extproc.bedrock.invoke import input_tokens
from aigw_extproc.openai.embeddings import InputType
from aigw_extproc.translate.contract import UpstreamResponse
from aigw_extproc.translate.converse.data import parse_data_uri
from aigw_extproc.translate.converse.images import image_of


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """The embeddings in one response."""

    embeddings: list[list[float]]
    """In the order of the texts."""
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingFormat:
    """One family's body."""

    texts_per_call: int
    takes_images: bool = False
    """As data URIs."""
    takes_input_type: bool
    body: Callable[[Sequence[str], int | None, InputType], msgspec.Struct]
    """(texts, dimensions, input type) to the request."""
    read: Callable[[UpstreamResponse], Embedded]
    """Raises msgspec.MsgspecError for a body that is not of the family."""


def _titan(texts: Sequence[str], dimensions: int | None, _type: InputType) -> bedrock.TitanRequest:
    return bedrock.TitanRequest(input_text=texts[0], dimensions=dimensions)


def _titan_image(texts: Sequence[str], dimensions: int | None, _type: InputType) -> bedrock.TitanImageRequest:
    config = bedrock.TitanEmbeddingConfig(output_embedding_length=dimensions)
    if is_image(texts[0]):
        return bedrock.TitanImageRequest(input_image=_image(texts[0])[1], embedding_config=config)
    return bedrock.TitanImageRequest(input_text=texts[0], embedding_config=config)


def _cohere(texts: Sequence[str], dimensions: int | None, type_: InputType) -> bedrock.CohereRequest:
    return bedrock.CohereRequest(texts=tuple(texts), input_type=type_, output_dimension=dimensions)


def _nova(texts: Sequence[str], dimensions: int | None, type_: InputType) -> bedrock.NovaRequest:
    shown = is_image(texts[0])
    return bedrock.NovaRequest(
        schema_version="nova-multimodal-embed-v1",
        task_type="SINGLE_EMBEDDING",
        single_embedding_params=bedrock.NovaParameters(
            embedding_purpose=NOVA_PURPOSES[type_],
            embedding_dimension=dimensions,
            # As with OpenAI, a text that is too long is an error; it is not truncated.
            text=None if shown else bedrock.NovaText(truncation_mode="NONE", value=texts[0]),
            image=_nova_image(texts[0]) if shown else None,
        ),
    )


def _nova_image(uri: str) -> bedrock.NovaImage:
    image_format, data = _image(uri)
    return bedrock.NovaImage(format=image_format, source=bedrock.NovaImageSource(bytes=data))


def _image(uri: str) -> tuple[str, str]:
    """Return the format of an image, and its bytes in base64. Raises InvalidRequest."""
    image = image_of(parse_data_uri(uri, "input"), "input")
    return image.format, image.source.bytes or ""


def is_image(text: str) -> bool:
    """Return whether a text is the data URI of an image."""
    return _IMAGE_URI.match(text) is not None


_IMAGE_URI = re.compile(r"data:image/[a-z+.-]+;base64,", re.IGNORECASE)


NOVA_PURPOSES: Mapping[InputType, str] = MappingProxyType(
    {
        "search_document": "GENERIC_INDEX",
        "search_query": "GENERIC_RETRIEVAL",
        "classification": "CLASSIFICATION",
        "clustering": "CLUSTERING",
    }
)
"""`embeddingPurpose`, by Cohere's input type."""

_TITAN: msgspec.json.Decoder[Any] = msgspec.json.Decoder(bedrock.TitanResponse)
_COHERE: msgspec.json.Decoder[Any] = msgspec.json.Decoder(bedrock.CohereResponse)
_NOVA: msgspec.json.Decoder[Any] = msgspec.json.Decoder(bedrock.NovaResponse)


def _read_titan(response: UpstreamResponse) -> Embedded:
    answer: bedrock.TitanResponse = _TITAN.decode(response.body)
    return Embedded(embeddings=[answer.embedding], tokens=answer.input_text_token_count)


def _read_cohere(response: UpstreamResponse) -> Embedded:
    answer: bedrock.CohereResponse = _COHERE.decode(response.body)
    found = answer.embeddings
    embeddings = found.floats if isinstance(found, bedrock.CohereByType) else found
    return Embedded(embeddings=embeddings, tokens=input_tokens(response.headers))


def _read_nova(response: UpstreamResponse) -> Embedded:
    answer: bedrock.NovaResponse = _NOVA.decode(response.body)
    embeddings = [one.embedding for one in answer.embeddings]
    return Embedded(embeddings=embeddings, tokens=input_tokens(response.headers))


FORMATS: Mapping[str, EmbeddingFormat] = MappingProxyType(
    {
        "titan": EmbeddingFormat(texts_per_call=1, takes_input_type=False, body=_titan, read=_read_titan),
        "titan-image": EmbeddingFormat(
            texts_per_call=1, takes_images=True, takes_input_type=False, body=_titan_image, read=_read_titan
        ),
        "cohere": EmbeddingFormat(texts_per_call=96, takes_input_type=True, body=_cohere, read=_read_cohere),
        "nova": EmbeddingFormat(
            texts_per_call=1, takes_images=True, takes_input_type=True, body=_nova, read=_read_nova
        ),
    }
)
"""By the fact `embeddings` of the families' table."""
