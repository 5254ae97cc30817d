"""Tokens, as OpenAI's endpoints tell them: in two spellings, the later one that of responses and images."""

from __future__ import annotations

import msgspec

from aigw_extproc.translate.contract import Usage


class _Details(msgspec.Struct, frozen=True):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None
    input_tokens: int | None = None
    completion_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None


_USAGE = msgspec.json.Decoder(_Usage | None)
_NO_DETAILS = _Details()


def read(raw: msgspec.Raw) -> Usage | None:
    """What a `usage` says; None when it is absent, null or in nobody's words: it counts for metrics only."""
    try:
        told = _USAGE.decode(raw) if bytes(raw) else None
    except msgspec.MsgspecError:
        return None
    if told is None:
        return None
    given, generated = told.prompt_tokens or told.input_tokens or 0, told.completion_tokens or told.output_tokens or 0
    details = told.prompt_tokens_details or told.input_tokens_details or _NO_DETAILS
    return Usage(
        input_tokens=given,
        output_tokens=generated,
        total_tokens=told.total_tokens or given + generated,
        cached_input_tokens=details.cached_tokens or 0,
    )
