"""The body formats of InvokeModel, by model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aigw_extproc.simulator import anthropic, embeddings, images, rerank
from aigw_extproc.simulator.anthropic import UseCache
from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.invocation import Invocation
from aigw_extproc.simulator.model_families import REGIONS
from aigw_extproc.simulator.prompt import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeFormat:
    """A body format. Each function raises Invalid for a body in another format."""

    invoke: Callable[[str, bytes, Model, UseCache], Invocation]
    """(model id, request body, model, prompt cache) to the result."""
    invoke_stream: Callable[[str, bytes, Model, UseCache], Iterator[bytes]]
    """(model id, request body, model, prompt cache) to the frames of the response."""
    count_tokens: Callable[[str, bytes], int]
    """(model id, request body) to their number."""


def _no_stream(_model_id: str, _body: bytes, _model: Model, _cache: UseCache) -> Iterator[bytes]:
    raise Invalid("The model is unsupported for streaming")


def _no_count(_model_id: str, _body: bytes) -> int:
    raise Invalid("The provided model doesn't support counting tokens.")


def _without_stream(invoke: Callable[[bytes], Invocation]) -> InvokeFormat:
    """Return a format whose result depends on the body alone and does not stream."""
    return InvokeFormat(
        invoke=lambda _id, body, _model, _cache: invoke(body), invoke_stream=_no_stream, count_tokens=_no_count
    )


ANTHROPIC = InvokeFormat(
    invoke=anthropic.invoke, invoke_stream=anthropic.invoke_stream, count_tokens=anthropic.count_tokens
)

FORMATS: Mapping[str, InvokeFormat] = MappingProxyType(
    {
        "anthropic.": ANTHROPIC,
        "simulator.": ANTHROPIC,
        "amazon.titan-embed-text-v1": _without_stream(embeddings.titan_v1),
        "amazon.titan-embed-g1-text-02": _without_stream(embeddings.titan_v1),
        "amazon.titan-embed-text-v2": _without_stream(embeddings.titan_v2),
        "amazon.titan-embed-image": _without_stream(embeddings.titan_image),
        "amazon.nova-2-multimodal-embeddings": _without_stream(embeddings.nova),
        "cohere.embed-english-v3": _without_stream(embeddings.cohere_v3),
        "cohere.embed-multilingual-v3": _without_stream(embeddings.cohere_v3),
        "cohere.embed-v4": _without_stream(embeddings.cohere_v4),
        "amazon.nova-canvas": _without_stream(images.amazon),
        "amazon.titan-image-generator": _without_stream(images.amazon),
        "stability.": _without_stream(images.stability),
        "amazon.rerank-v1": _without_stream(rerank.amazon),
        "cohere.rerank-v3-5": _without_stream(rerank.cohere),
    }
)
"""By prefix of the model id, without region and ARN."""

PROFILE = re.compile(rf"{REGIONS}|arn:.*inference-profile/")
"""Beginning of an id that names an inference profile instead of a model."""

NAME = re.compile(rf"(?:.*/)?(?:{REGIONS})?(?P<name>[a-z0-9-]+\..*)")


def invoke_format_of(model_id: str) -> InvokeFormat:
    """Return the format of a model, given by id, inference profile or the ARN of either.

    Ids without a model name (application inference profiles, provisioned throughput) get Anthropic's format.
    Raises Invalid for a model whose format is not supported.
    """
    match = NAME.fullmatch(model_id)
    if match is None:
        return ANTHROPIC
    found = next((row for prefix, row in FORMATS.items() if match["name"].startswith(prefix)), None)
    if found is None:
        raise Invalid(f"The simulator does not support InvokeModel for {model_id}")
    return found
