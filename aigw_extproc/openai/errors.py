"""Errors in OpenAI's format.

https://platform.openai.com/docs/guides/error-codes/api-errors
"""

from __future__ import annotations

import msgspec

from aigw_extproc.errors import GatewayError, UpstreamError


def render(error: GatewayError, request_id: str | None = None) -> bytes:
    """Render `{"error": {"message", "type", "param", "code"}}` as JSON bytes.

    Every key is always present; `request_id` is not part of this format. An upstream's error that already has this
    format is returned unchanged.
    """
    if isinstance(error, UpstreamError) and error.body is not None:
        return error.body
    return msgspec.json.encode({"error": details(error)})


def details(error: GatewayError) -> dict[str, str | None]:
    """Return the members of the object `error`."""
    return {"message": error.message, "type": error.type, "param": error.param, "code": error.code}


def response_code(error: GatewayError) -> str:
    """Return OpenAI's code for a failed response: clients decide by it whether to try again.

    https://platform.openai.com/docs/api-reference/responses/object#responses/object-error
    """
    if error.code == "context_length_exceeded":
        return error.code  # not on OpenAI's list, but Codex shortens the conversation
    if error.status == 429:
        return "rate_limit_exceeded"
    return "invalid_prompt" if error.status < 500 else "server_error"
