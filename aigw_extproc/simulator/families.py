"""InvokeModel's body belongs to the family of the model: the families that the simulator speaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from aigw_extproc.simulator import anthropic
from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.model_families import REGIONS
from aigw_extproc.simulator.prompt import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One body format. Each function raises Invalid for a body that is not of it."""

    invoke: Callable[[str, bytes, Model], dict[str, Any]]
    """(model id, request body, model) to the response body."""
    invoke_stream: Callable[[str, bytes, Model], Iterator[bytes]]
    """The same, to the frames of the response."""
    count_tokens: Callable[[bytes], int]


ANTHROPIC = Family(invoke=anthropic.invoke, invoke_stream=anthropic.invoke_stream, count_tokens=anthropic.count_tokens)

FAMILIES: Mapping[str, Family] = MappingProxyType({"anthropic": ANTHROPIC, "simulator": ANTHROPIC})
"""By the provider's part of a model id."""

PROFILE = re.compile(rf"{REGIONS}|arn:.*inference-profile/")
"""How an id begins that names a profile instead of a model."""

PROVIDER = re.compile(rf"(?:.*/)?(?:{REGIONS})?(?P<provider>[a-z0-9-]+)\..*")


def family_of(model_id: str) -> Family:
    """The family of a model id, an inference profile or an ARN of either.

    Ids that do not tell (application inference profiles, provisioned throughput) are taken for Anthropic's.
    Raises Invalid for a provider that the simulator does not know.
    """
    match = PROVIDER.fullmatch(model_id)
    if match is None:
        return ANTHROPIC
    if match["provider"] not in FAMILIES:
        raise Invalid(f"The simulator does not know the InvokeModel bodies of {model_id}")
    return FAMILIES[match["provider"]]
