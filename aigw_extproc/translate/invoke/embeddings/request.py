"""Embeddings request → one InvokeModel request, or several where the model takes fewer texts at once."""

from __future__ import annotations

import msgspec

from aigw_extproc.bedrock.families import Family
from aigw_extproc.bedrock.invoke import invoke_path
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai.embeddings import EmbeddingsRequest
from aigw_extproc.translate.contract import Target, UpstreamBatch
from aigw_extproc.translate.invoke.embeddings.answer import EmbeddingsAnswer
from aigw_extproc.translate.invoke.embeddings.formats import FORMATS, EmbeddingFormat, is_image

MAX_TEXTS = 2048
"""OpenAI's: https://platform.openai.com/docs/api-reference/embeddings/create, `input`."""

_encode = msgspec.json.Encoder().encode


def translate_request(request: EmbeddingsRequest, target: Target) -> UpstreamBatch:
    """Translate a parsed embeddings request.

    Raises:
        InvalidRequest: the model makes no embeddings, or not of this kind; `param` names the field.
    """
    family = target.family
    family_format = _format(family, target.model)
    texts = _texts(request, family_format)
    size = family_format.texts_per_call
    groups = [texts[start : start + size] for start in range(0, len(texts), size)]
    dimensions = _dimensions(request.dimensions, family)
    first, *further = (
        _encode(family_format.body(group, dimensions, request.input_type or "search_document")) for group in groups
    )
    return UpstreamBatch(
        path=invoke_path(target.model),
        body=first,
        further=tuple(further),
        accept="application/json",
        stream=False,
        dropped=_dropped(request, family_format),
        answer=EmbeddingsAnswer(
            model=request.model,
            format=family.embeddings,
            base64=request.encoding_format == "base64",
            sizes=tuple(map(len, groups)),
        ),
    )


def _format(family: Family, model: str) -> EmbeddingFormat:
    if family.embeddings not in FORMATS:
        raise InvalidRequest.at(
            "model",
            f"{model} is not known to make embeddings; use one of Titan's, Cohere's or Nova's embedding models,"
            " or name the body that it takes with the fact `embeddings` in the annotation aigw-extproc/model-families",
        )
    return FORMATS[family.embeddings]


def _texts(request: EmbeddingsRequest, family_format: EmbeddingFormat) -> list[str]:
    given, images = request.input, family_format.takes_images
    if isinstance(given, str):
        return [_text(given, "input", images=images)]
    if not 1 <= len(given) <= MAX_TEXTS:
        raise InvalidRequest.at("input", f"expected 1 to {MAX_TEXTS} texts, got {len(given)}")
    return [_text(text, f"input[{index}]", images=images) for index, text in enumerate(given)]


def _text(text: str | int | list[int], path: str, *, images: bool) -> str:
    if not isinstance(text, str):
        raise InvalidRequest.at(
            path, "token ids of OpenAI's tokenizer mean nothing to models on Bedrock; send the text itself"
        )
    if not text:
        raise InvalidRequest.at(path, "the text is empty")
    if is_image(text) and not images:
        raise InvalidRequest.at(
            path,
            "this model embeds text only, and would take the image's data for text; use a model for images,"
            " such as amazon.titan-embed-image-v1",
        )
    return text


def _dimensions(wanted: int | None, family: Family) -> int | None:
    """Return the length to ask for; a model that has only one length takes no such parameter."""
    if wanted is None:
        return None
    if wanted not in family.dimensions:
        known = " or ".join(map(str, family.dimensions)) or "its own only"
        raise InvalidRequest.at("dimensions", f"this model's embeddings have {known}, not {wanted}")
    return wanted if len(family.dimensions) > 1 else None


def _dropped(request: EmbeddingsRequest, family_format: EmbeddingFormat) -> tuple[str, ...]:
    unknown = ["user"] if request.user is not None else []
    if request.input_type is not None and not family_format.takes_input_type:
        unknown.append("input_type")
    return (*unknown, *request.others)
