"""Tokens in OpenAI's two formats: chat's, and that of Responses and images."""

from __future__ import annotations

import msgspec

from aigw_extproc.translate.contract import TokenCounts


class _Details(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    input_tokens: int | None = None
    completion_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    completion_tokens_details: _OutputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


_USAGE = msgspec.json.Decoder(_Usage | None)
_NO_DETAILS, _NO_OUTPUT_DETAILS = _Details(), _OutputDetails()


def read(raw: msgspec.Raw) -> TokenCounts | None:
    """Decode a `usage`; None if it is absent, null or unknown, since it is for metrics only."""
    try:
        usage = _USAGE.decode(raw) if bytes(raw) else None
    except msgspec.MsgspecError:
        return None
    if usage is None:
        return None
    input_tokens = usage.prompt_tokens or usage.input_tokens or 0
    output_tokens = usage.completion_tokens or usage.output_tokens or 0
    details = usage.prompt_tokens_details or usage.input_tokens_details or _NO_DETAILS
    output_details = usage.completion_tokens_details or usage.output_tokens_details or _NO_OUTPUT_DETAILS
    return TokenCounts(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=usage.total_tokens or input_tokens + output_tokens,
        cached_input_tokens=details.cached_tokens or 0,
        cache_creation_input_tokens=details.cache_write_tokens or 0,
        reasoning_tokens=output_details.reasoning_tokens or 0,
    )
