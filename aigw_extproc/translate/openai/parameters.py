"""The request parameters that OpenAI's APIs share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec

from aigw_extproc.bedrock.converse import InferenceConfiguration
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.converse import inference


class SamplingParameters(Protocol):
    """The sampling parameters and stop sequences of a request."""

    @property
    def temperature(self) -> float | None: ...
    @property
    def top_p(self) -> float | None: ...
    @property
    def stop(self) -> str | list[str] | None: ...


def inference_configuration(
    request: SamplingParameters,
    family: Family,
    *,
    max_tokens: int | None,
    dropped: list[str],
    reasons: bool = False,
    limit_name: str = "max_tokens",
) -> InferenceConfiguration | None:
    """Translate the parameters; None when there are none. The names of those left out are added to `dropped`.

    Raises:
        InvalidRequest: a parameter is below zero.
    """
    configuration = inference.inference_configuration(
        family,
        max_tokens=max_tokens,
        temperature=_clamped("temperature", request.temperature, dropped),
        top_p=_clamped("top_p", request.top_p, dropped),
        stop=[request.stop] if isinstance(request.stop, str) else request.stop or [],
        stop_name="stop",
        samples=inference.samples(family, reasons=reasons),
        dropped=dropped,
        limit_name=limit_name,
    )
    return None if configuration == InferenceConfiguration() else configuration


def unsupported(fields: Mapping[str, msgspec.Raw], defaults: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the names of the unsupported fields in a request that are neither null nor their default."""
    for name, value in fields.items():
        if bytes(value) not in {b"null", defaults.get(name)}:
            yield name


def _clamped(name: str, value: float | None, dropped: list[str]) -> float | None:
    # OpenAI's temperature goes up to 2, Bedrock's to 1.
    if value is None:
        return None
    if value < 0:
        raise InvalidRequest.at(name, f"has to be between 0 and 1, got {value:g}")
    if value > 1:
        dropped.append(name)
        return 1.0
    return value
