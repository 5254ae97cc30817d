"""Tokens, as Bedrock counts them and as the gateway does."""

from __future__ import annotations

from aigw_extproc.bedrock.converse import TokenUsage
from aigw_extproc.translate.contract import Usage


def translate_usage(usage: TokenUsage | None) -> Usage:
    """Tokens as OpenAI counts them; Bedrock's inputTokens leaves out what the cache read and wrote."""
    if usage is None:
        return Usage()
    cached, created = usage.cache_read_input_tokens or 0, usage.cache_write_input_tokens or 0
    total_input = usage.input_tokens + cached + created
    return Usage(
        input_tokens=total_input,
        output_tokens=usage.output_tokens,
        total_tokens=total_input + usage.output_tokens,
        cached_input_tokens=cached,
        cache_creation_input_tokens=created,
    )
