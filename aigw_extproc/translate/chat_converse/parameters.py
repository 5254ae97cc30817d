"""The parameters beside messages, tools and sampling."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aigw_extproc.bedrock.converse import ServiceTier
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat

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
    """Who asks, for Bedrock's invocation log; what does not fit its alphabet is dropped whole, and reported."""
    pairs: dict[str, str] = {}
    for name, more in (
        ("metadata", request.metadata),
        ("user", {"user": request.user} if request.user is not None else None),
        ("safety_identifier", {"safety_identifier": request.safety_identifier} if request.safety_identifier else None),
    ):
        if more and _fits(pairs | more):
            pairs |= more
        elif more:
            dropped.append(name)
    extension = request.aws.request_metadata if request.aws else None
    return pairs | (extension or {}) or None


def service_tier(request: chat.ChatRequest, dropped: list[str]) -> ServiceTier | None:
    """Converse's own tiers; OpenAI's `auto` is to say nothing."""
    tier = request.service_tier
    if tier in {None, "auto", "standard"}:
        return None
    if tier not in SERVICE_TIERS:
        dropped.append("service_tier")
        return None
    return ServiceTier(type=tier)


def _fits(pairs: dict[str, str]) -> bool:
    return len(pairs) <= MAX_REQUEST_METADATA and all(
        _METADATA_KEY.match(key) and _METADATA_VALUE.match(value) for key, value in pairs.items()
    )
