"""The parameters beside messages, tools and sampling."""

from __future__ import annotations

from collections.abc import Iterator

from aigw_extproc.bedrock.converse import ServiceTier
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.converse.metadata import MAX_REQUEST_METADATA, fits

SERVICE_TIERS = frozenset({"default", "flex", "priority", "reserved"})

# Values that ask for what happens anyway: leaving them out is no loss worth reporting.
_DEFAULTS = {
    "logprobs": b"false",
    "store": b"false",
    "frequency_penalty": b"0",
    "presence_penalty": b"0",
    "logit_bias": b"{}",
    "modalities": b'["text"]',
}


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
                raise InvalidRequest.at(name, f"has to be at least 1, got {value}")
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
        if more and fits(more) and len(pairs | more | extension) <= MAX_REQUEST_METADATA:
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
