"""The parameters beside messages and tools.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aigw_extproc.bedrock.converse import InferenceConfiguration, ServiceTier
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.converse.reasoning import Reasoning

SERVICE_TIERS = frozenset({"default", "flex", "priority", "reserved"})
MAX_REQUEST_METADATA = 16

# Values that ask for what happens anyway: leaving them out is no loss worth reporting.
_DEFAULTS = {
    "logprobs": b"false",
    "store": b"false",
    "frequency_penalty": b"0",
    "presence_penalty": b"0",
    "logit_bias": b"{}",
    "modalities": b'["text"]',
}

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, requestMetadata
_METADATA_KEY = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}\Z")
_METADATA_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}\Z")


def without_counterpart(request: chat.ChatRequest) -> Iterator[str]:
    """Fields that Converse has no word for, unless they are null or ask for what happens anyway."""
    for name, value in request.others.items():
        if bytes(value) not in {b"null", _DEFAULTS.get(name)}:
            yield name


def inference_configuration(
    request: chat.ChatRequest, family: Family, thoughts: Reasoning, dropped: list[str]
) -> InferenceConfiguration | None:
    """maxTokens, sampling and stop sequences; None when there is nothing to say."""
    temperature = _unit_interval("temperature", request.temperature, dropped)
    top_p = _unit_interval("top_p", request.top_p, dropped)
    if family.sampling == "none" or (thoughts.on and not family.sampling_while_reasoning):
        dropped += [name for name, value in (("temperature", temperature), ("top_p", top_p)) if value is not None]
        temperature = top_p = None
    if temperature is not None and top_p is not None and family.sampling == "either":
        dropped.append("top_p")
        top_p = None
    configuration = InferenceConfiguration(
        max_tokens=thoughts.max_tokens,
        temperature=temperature,
        top_p=top_p,
        stop_sequences=_stop_sequences(request, family, dropped),
    )
    return None if configuration == InferenceConfiguration() else configuration


def max_tokens(request: chat.ChatRequest) -> int | None:
    """`max_completion_tokens`, else `max_tokens`.

    Raises:
        InvalidRequest: less than one.
    """
    for name in ("max_completion_tokens", "max_tokens"):
        value: int | None = getattr(request, name)
        if value is not None:
            if value < 1:
                raise InvalidRequest(f"{name}: has to be at least 1, got {value}", param=name)
            return value
    return None


def request_metadata(request: chat.ChatRequest, dropped: list[str]) -> dict[str, str] | None:
    """Who asks, for Bedrock's invocation log; what does not fit is dropped whole, and reported.

    The pairs of the `aws` object are Bedrock's own already, so they come first.
    """
    extension = (request.aws.request_metadata if request.aws else None) or {}
    pairs: dict[str, str] = {}
    for name, more in (
        ("metadata", request.metadata),
        ("user", {"user": request.user} if request.user is not None else None),
        ("safety_identifier", {"safety_identifier": request.safety_identifier} if request.safety_identifier else None),
    ):
        if more and _fits(more) and len(pairs | more | extension) <= MAX_REQUEST_METADATA:
            pairs |= more
        elif more:
            dropped.append(name)
    return pairs | extension or None


def service_tier(request: chat.ChatRequest, dropped: list[str]) -> ServiceTier | None:
    """Converse's own tiers; OpenAI's `auto` is to say nothing."""
    tier = request.service_tier
    if tier in {None, "auto", "standard"}:
        return None
    if tier not in SERVICE_TIERS:
        dropped.append("service_tier")
        return None
    return ServiceTier(type=tier)


def _unit_interval(name: str, value: float | None, dropped: list[str]) -> float | None:
    """OpenAI's temperature goes up to 2, Bedrock's to 1: what lies above is clamped, and reported."""
    if value is None:
        return None
    if value < 0:
        raise InvalidRequest(f"{name}: has to be between 0 and 1, got {value:g}", param=name)
    if value > 1:
        dropped.append(name)
        return 1.0
    return value


def _stop_sequences(request: chat.ChatRequest, family: Family, dropped: list[str]) -> list[str] | None:
    """Models refuse a stop sequence of nothing but white space, so those are left out."""
    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    told = [text for text in stop if text.strip()]
    if any(text and not text.strip() for text in stop) or (told and not family.stop_sequences):
        dropped.append("stop")
    return (told or None) if family.stop_sequences else None


def _fits(pairs: dict[str, str]) -> bool:
    return len(pairs) <= MAX_REQUEST_METADATA and all(
        _METADATA_KEY.match(key) and _METADATA_VALUE.match(value) for key, value in pairs.items()
    )
