"""Sampling parameters and stop sequences, as far as a family takes them.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
"""

from __future__ import annotations

from collections.abc import Sequence

from aigw_extproc.bedrock.converse import InferenceConfiguration
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest


def samples(family: Family, *, reasons: bool) -> bool:
    """Return whether the model takes sampling parameters, when it reasons or not."""
    return family.sampling != "none" and (family.sampling_while_reasoning or not reasons)


def inference_configuration(
    family: Family,
    *,
    max_tokens: int | None,
    temperature: float | None,
    top_p: float | None,
    stop: Sequence[str],
    stop_name: str,
    samples: bool,
    dropped: list[str],
    limit_name: str = "max_tokens",
) -> InferenceConfiguration:
    """Return Converse's parameters; the names of those that the family does not take are added to `dropped`.

    `stop_name` and `limit_name` are the client's names for `stop` and `max_tokens`.
    """
    if max_tokens is not None and max_tokens < family.least_max_tokens:
        dropped.append(limit_name)
        max_tokens = family.least_max_tokens
    if not samples:
        dropped += [name for name, value in (("temperature", temperature), ("top_p", top_p)) if value is not None]
        temperature = top_p = None
    if temperature is not None and top_p is not None and family.sampling == "either":
        dropped.append("top_p")
        top_p = None
    kept = [text for text in stop if text.strip()]  # models refuse a sequence of white space only
    if any(text and not text.strip() for text in stop) or (kept and not family.stop_sequences):
        dropped.append(stop_name)
    return InferenceConfiguration(
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        stop_sequences=(kept or None) if family.stop_sequences else None,
    )


def require_positive(name: str, value: int | None) -> int | None:
    """Return a limit unchanged. Raises InvalidRequest if it is below one."""
    if value is not None and value < 1:
        raise InvalidRequest.at(name, f"has to be at least 1, got {value}")
    return value
