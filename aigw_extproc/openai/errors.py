"""Errors in OpenAI's shape.

https://platform.openai.com/docs/guides/error-codes/api-errors
"""

from __future__ import annotations

import msgspec

from aigw_extproc.errors import GatewayError, UpstreamError


def render(error: GatewayError, request_id: str | None = None) -> bytes:
    """`{"error": {"message", "type", "param", "code"}}` as JSON bytes; every key is always there, the id nowhere.

    What an upstream has said in this shape already is left as it is.
    """
    if isinstance(error, UpstreamError) and error.body is not None:
        return error.body
    detail = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return msgspec.json.encode({"error": detail})
