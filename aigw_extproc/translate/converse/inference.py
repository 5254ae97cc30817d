"""OpenAI's sampling parameters and stop sequences in Converse's words.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
"""

from __future__ import annotations

from typing import Protocol

from aigw_extproc.bedrock.converse import InferenceConfiguration
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest


class Asked(Protocol):
    """The parameters as OpenAI's APIs have them."""

    @property
    def temperature(self) -> float | None: ...
    @property
    def top_p(self) -> float | None: ...
    @property
    def stop(self) -> str | list[str] | None: ...


def inference_configuration(
    asked: Asked, family: Family, *, max_tokens: int | None, dropped: list[str], reasons: bool = False
) -> InferenceConfiguration | None:
    """maxTokens, sampling and stop sequences; None when there is nothing to say. What is left out joins `dropped`.

    Raises:
        InvalidRequest: a parameter is below zero.
    """
    temperature = _unit_interval("temperature", asked.temperature, dropped)
    top_p = _unit_interval("top_p", asked.top_p, dropped)
    if family.sampling == "none" or (reasons and not family.sampling_while_reasoning):
        dropped += [name for name, value in (("temperature", temperature), ("top_p", top_p)) if value is not None]
        temperature = top_p = None
    if temperature is not None and top_p is not None and family.sampling == "either":
        dropped.append("top_p")
        top_p = None
    configuration = InferenceConfiguration(
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        stop_sequences=_stop_sequences(asked.stop, family, dropped),
    )
    return None if configuration == InferenceConfiguration() else configuration


def _unit_interval(name: str, value: float | None, dropped: list[str]) -> float | None:
    """OpenAI's temperature goes up to 2, Bedrock's to 1: what lies above is clamped, and reported."""
    if value is None:
        return None
    if value < 0:
        raise InvalidRequest.at(name, f"has to be between 0 and 1, got {value:g}")
    if value > 1:
        dropped.append(name)
        return 1.0
    return value


def _stop_sequences(asked: str | list[str] | None, family: Family, dropped: list[str]) -> list[str] | None:
    """Models refuse a stop sequence of nothing but white space, so those are left out."""
    stop = [asked] if isinstance(asked, str) else asked or []
    told = [text for text in stop if text.strip()]
    if any(text and not text.strip() for text in stop) or (told and not family.stop_sequences):
        dropped.append("stop")
    return (told or None) if family.stop_sequences else None
