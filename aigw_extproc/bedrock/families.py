"""What a model takes and what it refuses: the one place for facts about model families.

A model is looked up by its id after the wrapping is taken off: an ARN around it and the region prefix of an inference
profile. A model that nobody listed gets the defaults of `Family`, which claim the least.
https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Facts about the models whose base id begins with `prefix`. The defaults are for a model that is not known."""

    prefix: str = ""
    forced_tool_choice: bool = True
    """Takes toolChoice `any` and `tool`."""
    disable_parallel_tool_use: bool = False
    """Takes `tool_choice.disable_parallel_tool_use` among its own request fields."""
    prefill: bool = True
    """Takes a last turn of the assistant's, and goes on from there."""
    sampling_together: bool = True
    """Takes temperature and topP in one request."""
    sampling: bool = True
    """Takes temperature and topP at all."""
    text_beside_tool_results: bool = True
    """Takes other content in the turn that holds tool results."""


def _claude(prefix: str, **facts: bool) -> Family:
    return Family(prefix=f"anthropic.claude-{prefix}", disable_parallel_tool_use=True, **facts)


# The longest prefix wins.
FAMILIES: tuple[Family, ...] = (
    _claude(""),
    _claude("opus-4-1", sampling_together=False),
    _claude("opus-4-5", sampling_together=False),
    _claude("sonnet-4-5", sampling_together=False),
    _claude("haiku-4-5", sampling_together=False),
    _claude("opus-4-6", sampling_together=False, prefill=False),
    _claude("sonnet-4-6", sampling_together=False, prefill=False),
    Family(prefix="meta.llama", forced_tool_choice=False),
    Family(prefix="mistral.", text_beside_tool_results=False),
)

_REGION_PREFIX = re.compile(r"^(?:us-gov|us|eu|apac|jp|au|ca|uk|global)\.")


def base_model(model: str) -> str:
    """The foundation model's id inside an inference profile's id or an ARN.

    >>> base_model("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-micro-v1:0")
    'amazon.nova-micro-v1:0'
    """
    name = model.rsplit("/", 1)[-1] if model.startswith("arn:") else model
    return _REGION_PREFIX.sub("", name)


@lru_cache(maxsize=1024)
def family_of(model: str) -> Family:
    """The family of a model id or ARN; the cautious defaults where it is not known."""
    name = base_model(model)
    known = [family for family in FAMILIES if name.startswith(family.prefix)]
    return max(known, key=lambda family: len(family.prefix), default=Family())
