"""InvokeModel bodies of embedding models, by family.

* Titan: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
* Titan Multimodal: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-mm.html
* Cohere: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html and …-embed-v4.html
* Nova: https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
"""

from __future__ import annotations

import msgspec


class TitanRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    input_text: str = msgspec.field(name="inputText")
    dimensions: int | None = None


class TitanEmbeddingConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    output_embedding_length: int | None = None


class TitanImageRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    input_text: str | None = None
    input_image: str | None = None
    embedding_config: TitanEmbeddingConfig = TitanEmbeddingConfig()


class TitanResponse(msgspec.Struct, frozen=True, kw_only=True):
    embedding: list[float]
    input_text_token_count: int = msgspec.field(name="inputTextTokenCount", default=0)


class CohereRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    texts: tuple[str, ...]
    input_type: str
    output_dimension: int | None = None


class CohereByType(msgspec.Struct, frozen=True, kw_only=True):
    """The embeddings of v4, and of v3 if more than one type was requested."""

    floats: list[list[float]] = msgspec.field(name="float")


class CohereResponse(msgspec.Struct, frozen=True, kw_only=True):
    embeddings: list[list[float]] | CohereByType


class NovaText(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    truncation_mode: str
    value: str


class NovaImageSource(msgspec.Struct, frozen=True, kw_only=True):
    bytes: str


class NovaImage(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    source: NovaImageSource


class NovaParameters(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    embedding_purpose: str
    embedding_dimension: int | None = None
    text: NovaText | None = None
    image: NovaImage | None = None


class NovaRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    schema_version: str
    task_type: str
    single_embedding_params: NovaParameters


class NovaEmbedding(msgspec.Struct, frozen=True, kw_only=True):
    embedding: list[float]


class NovaResponse(msgspec.Struct, frozen=True, kw_only=True):
    embeddings: list[NovaEmbedding]
