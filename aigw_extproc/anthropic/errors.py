"""Errors in Anthropic's format.

https://docs.anthropic.com/en/api/errors
GatewayError uses Anthropic's error types. The format has no parameter, and a code in `details` for some errors only.
"""

from __future__ import annotations

import msgspec

from aigw_extproc.errors import GatewayError


def render(error: GatewayError, request_id: str | None = None) -> bytes:
    """Render `{"type": "error", "error": {"type", "message"}, "request_id"}` as JSON bytes, always with every key.

    An error with `details` has them in `error`.
    """
    detail: dict[str, object] = {"type": error.type, "message": error.message}
    if error.details:
        detail["details"] = error.details
    return msgspec.json.encode({"type": "error", "error": detail, "request_id": request_id})
