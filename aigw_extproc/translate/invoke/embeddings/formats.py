"""The bodies of the model families: texts per call, request, response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from aigw_extproc.bedrock import embeddings as bedrock
from aigw_extproc.bedrock.invoke import input_tokens
from aigw_extproc.openai.embeddings import InputType
from aigw_extproc.translate.contract import UpstreamResponse


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """The embeddings in one response."""

    embeddings: list[list[float]]
    """In the order of the texts."""
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingFormat:
    """One family's body."""

    texts_per_call: int
    takes_input_type: bool
    body: Callable[[Sequence[str], int | None, InputType], msgspec.Struct]
    """(texts, dimensions, input type) to the request."""
    read: Callable[[UpstreamResponse], Embedded]
    """Raises msgspec.MsgspecError for a body that is not of the family."""


def _titan(texts: Sequence[str], dimensions: int | None, _type: InputType) -> bedrock.TitanRequest:
    return bedrock.TitanRequest(input_text=texts[0], dimensions=dimensions)


def _cohere(texts: Sequence[str], dimensions: int | None, type_: InputType) -> bedrock.CohereRequest:
    return bedrock.CohereRequest(texts=tuple(texts), input_type=type_, output_dimension=dimensions)


def _nova(texts: Sequence[str], dimensions: int | None, type_: InputType) -> bedrock.NovaRequest:
    return bedrock.NovaRequest(
        schema_version="nova-multimodal-embed-v1",
        task_type="SINGLE_EMBEDDING",
        single_embedding_params=bedrock.NovaParameters(
            embedding_purpose=NOVA_PURPOSES[type_],
            embedding_dimension=dimensions,
            # As with OpenAI, a text that is too long is an error; it is not truncated.
            text=bedrock.NovaText(truncation_mode="NONE", value=texts[0]),
        ),
    )


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
        "cohere": EmbeddingFormat(texts_per_call=96, takes_input_type=True, body=_cohere, read=_read_cohere),
        "nova": EmbeddingFormat(texts_per_call=1, takes_input_type=True, body=_nova, read=_read_nova),
    }
)
"""By the fact `embeddings` of the families' table."""
