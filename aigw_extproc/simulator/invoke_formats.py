"""InvokeModel's body belongs to the family of the model: the families that the simulator speaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aigw_extproc.simulator import anthropic, embeddings, images, rerank
from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.invocation import Invocation
from aigw_extproc.simulator.model_families import REGIONS
from aigw_extproc.simulator.prompt import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One body format. Each function raises Invalid for a body that is not of it."""

    invoke: Callable[[str, bytes, Model], Invocation]
    """(model id, request body, model) to the answer."""
    invoke_stream: Callable[[str, bytes, Model], Iterator[bytes]]
    """The same, to the frames of the response."""
    count_tokens: Callable[[bytes], int]


def _no_stream(_model_id: str, _body: bytes, _model: Model) -> Iterator[bytes]:
    raise Invalid("The model is unsupported for streaming")


def _no_count(_body: bytes) -> int:
    raise Invalid("The provided model doesn't support counting tokens.")


def _whole(invoke: Callable[[bytes], Invocation]) -> Family:
    """A family whose answers depend on the body alone and come in one piece."""
    return Family(invoke=lambda _id, body, _model: invoke(body), invoke_stream=_no_stream, count_tokens=_no_count)


ANTHROPIC = Family(invoke=anthropic.invoke, invoke_stream=anthropic.invoke_stream, count_tokens=anthropic.count_tokens)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "anthropic.": ANTHROPIC,
        "simulator.": ANTHROPIC,
        "amazon.titan-embed-text-v1": _whole(embeddings.titan_v1),
        "amazon.titan-embed-g1-text-02": _whole(embeddings.titan_v1),
        "amazon.titan-embed-text-v2": _whole(embeddings.titan_v2),
        "amazon.nova-2-multimodal-embeddings": _whole(embeddings.nova),
        "cohere.embed-english-v3": _whole(embeddings.cohere_v3),
        "cohere.embed-multilingual-v3": _whole(embeddings.cohere_v3),
        "cohere.embed-v4": _whole(embeddings.cohere_v4),
        "amazon.nova-canvas": _whole(images.amazon),
        "amazon.titan-image-generator": _whole(images.amazon),
        "stability.": _whole(images.stability),
        "amazon.rerank-v1": _whole(rerank.amazon),
        "cohere.rerank-v3-5": _whole(rerank.cohere),
    }
)
"""By how an id begins, after region and ARN."""

PROFILE = re.compile(rf"{REGIONS}|arn:.*inference-profile/")
"""How an id begins that names a profile instead of a model."""

NAME = re.compile(rf"(?:.*/)?(?:{REGIONS})?(?P<name>[a-z0-9-]+\..*)")


def family_of(model_id: str) -> Family:
    """The family of a model id, an inference profile or an ARN of either.

    Ids that do not tell (application inference profiles, provisioned throughput) are taken for Anthropic's.
    Raises Invalid for a model whose bodies the simulator does not know.
    """
    match = NAME.fullmatch(model_id)
    if match is None:
        return ANTHROPIC
    family = next((family for prefix, family in FAMILIES.items() if match["name"].startswith(prefix)), None)
    if family is None:
        raise Invalid(f"The simulator does not know the InvokeModel bodies of {model_id}")
    return family
