"""Errors in Anthropic's shape.

https://docs.anthropic.com/en/api/errors
The types of our own errors are Anthropic's already; it has no codes and no parameter, so the message says it all.
"""

from __future__ import annotations

import msgspec

from aigw_extproc.errors import GatewayError


def render(error: GatewayError, request_id: str | None = None) -> bytes:
    """`{"type": "error", "error": {"type", "message"}, "request_id"}` as JSON bytes; every key is always there."""
    detail = {"type": error.type, "message": error.message}
    return msgspec.json.encode({"type": "error", "error": detail, "request_id": request_id})
