"""The parameters of a chat other than messages, tools and sampling."""

from __future__ import annotations

from aigw_extproc.bedrock.converse import ServiceTier
from aigw_extproc.openai import chat
from aigw_extproc.translate.converse.inference import require_positive
from aigw_extproc.translate.converse.metadata import MAX_REQUEST_METADATA, fits

SERVICE_TIERS = frozenset({"default", "flex", "priority", "reserved"})
DEFAULTS = {
    "logprobs": b"false",
    "store": b"false",
    "frequency_penalty": b"0",
    "presence_penalty": b"0",
    "logit_bias": b"{}",
    "modalities": b'["text"]',
}
"""Values of unsupported parameters that change nothing, so that they are not reported as dropped."""


def max_tokens(request: chat.ChatRequest) -> int | None:
    """Return `max_completion_tokens`, or else `max_tokens`. Raises InvalidRequest if it is below one."""
    limit = require_positive("max_completion_tokens", request.max_completion_tokens)
    return require_positive("max_tokens", request.max_tokens) if limit is None else limit


def limit_name(request: chat.ChatRequest) -> str:
    """Return the name of the parameter that `max_tokens` returns."""
    return "max_tokens" if request.max_completion_tokens is None else "max_completion_tokens"


def request_metadata(request: chat.ChatRequest, dropped: list[str]) -> dict[str, str] | None:
    """Return the metadata for Bedrock's invocation log; a parameter that does not fit is added to `dropped`.

    The pairs in the `aws` object are in Bedrock's format, so they always have room.
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
    """Return Converse's tier; None for OpenAI's `auto` and `standard`."""
    tier = request.service_tier
    if tier in {None, "auto", "standard"}:
        return None
    if tier not in SERVICE_TIERS:
        dropped.append("service_tier")
        return None
    return ServiceTier(type=tier)
