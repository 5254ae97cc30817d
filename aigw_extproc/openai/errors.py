"""Errors in OpenAI's shape.

https://platform.openai.com/docs/guides/error-codes/api-errors
"""

from __future__ import annotations

import msgspec

from aigw_extproc.errors import GatewayError


def render(error: GatewayError, request_id: str | None = None) -> bytes:
    """`{"error": {"message", "type", "param", "code"}}` as JSON bytes; every key is always there, the id nowhere."""
    detail = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return msgspec.json.encode({"error": detail})
