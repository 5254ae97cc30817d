"""Errors of Bedrock, in HTTP responses and in frames of a stream, mapped to the clients' status, type and code.

https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from aigw_extproc.bedrock.eventstream import Frame
from aigw_extproc.errors import InvalidUpstreamResponse, UpstreamError


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    type: str
    code: str | None = None
    named: bool = False
    """The code is the exception's name in snake case."""


_CREDENTIALS = _Answer(401, "authentication_error", named=True)
_THROTTLED = _Answer(429, "rate_limit_error", named=True)

ANSWERS: dict[str, _Answer] = {
    "ValidationException": _Answer(400, "invalid_request_error"),
    "AccessDeniedException": _Answer(403, "permission_error", named=True),
    "UnrecognizedClientException": _CREDENTIALS,
    "InvalidSignatureException": _CREDENTIALS,
    "IncompleteSignatureException": _CREDENTIALS,
    "InvalidClientTokenIdException": _CREDENTIALS,
    "MissingAuthenticationTokenException": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "OptInRequiredException": _CREDENTIALS,
    "ResourceNotFoundException": _Answer(404, "not_found_error", "model_not_found"),
    "ThrottlingException": _THROTTLED,
    "TooManyRequestsException": _THROTTLED,
    "ServiceQuotaExceededException": _THROTTLED,
    "ModelNotReadyException": _THROTTLED,
    "ModelTimeoutException": _Answer(504, "timeout_error"),
    "ModelErrorException": _Answer(502, "api_error"),
    "ModelStreamErrorException": _Answer(502, "api_error"),
    "ServiceUnavailableException": _Answer(503, "overloaded_error"),
    "InternalServerException": _Answer(500, "api_error"),
}
"""By exception name: `exception_name` takes it from `x-amzn-errortype`."""

_TYPES_BY_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}

# Messages of Bedrock and its models for a conversation that exceeds the context window. A limit that is exceeded by
# something else (the name of a tool, max_tokens) is another error.
_TOO_LONG = re.compile(
    r"\b(input|prompt|conversation|context|messages?|request)\b[^.:,']{0,40} too (long|large)"
    r"|too many (input |prompt )?tokens|tokens[^.]{0,40}, too large for"
    r"|context (window|length|limit|size)"
    r"|(exceeds?|maximum) (the )?(model'?s? )?context"
    r"|(input|prompt) (tokens?|length|token count)\b[^.:]{0,40} exceed|(input|prompt) tokens? exceeded"
    r"|maximum (prompt|input) length|exceed(s|ed)? (the )?(model'?s? )?(input )?token limit"
    r"|exceeds? (the )?(maximum|model'?s?)[^.:]{0,20} (input|prompt) (tokens|length)",
    re.IGNORECASE,
)
# AWS quotes the canonical request, with the session token, for the signer. The client must not see it.
_SIGNED = re.compile(r"\s*The Canonical String .*", re.DOTALL)
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class _ErrorBody(msgspec.Struct, frozen=True):
    message: str | None = None
    Message: str | None = None
    type_name: str | None = msgspec.field(name="__type", default=None)


_BODY = msgspec.json.Decoder(_ErrorBody)


def from_response(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """Map an HTTP response other than 200 to an error.

    Names in `headers` are lower case. If the body is not Bedrock's JSON (a proxy's HTML page, an empty body), the error
    keeps the status, with code `upstream_error`; the text is not passed on. A status below 400 becomes 502: a client
    would take the body of an error with status 204, which has no body, for the start of the next response on the
    connection.
    """
    if status < 400:
        return InvalidUpstreamResponse(f"the upstream answered {status}; Bedrock answers 200 or an error")
    parsed = _decode(body)
    if parsed is None:
        return UpstreamError(
            f"the upstream answered {status} with a body that is not JSON",
            status=status,
            type="api_error",
            code="upstream_error",
        )
    name = exception_name(headers.get("x-amzn-errortype") or parsed.type_name or "")
    message = parsed.message or parsed.Message or f"Bedrock answered {status} {name}".rstrip()
    return _error(name, message, status)


def from_frame(frame: Frame) -> UpstreamError | None:
    """Map a frame of an event stream to an error, or return None if it is not an exception or error."""
    match str(frame.headers.get(":message-type", "")).lower():
        case "event":
            return None
        case "exception":
            name, body = str(frame.headers.get(":exception-type", "")), _decode(frame.payload)
            message = body and (body.message or body.Message)
        case "error":
            name, message = str(frame.headers.get(":error-code", "")), str(frame.headers.get(":error-message", ""))
        case _:
            return None
    name = exception_name(name)
    return _error(name, message or name or "the stream failed", None)


def exception_name(raw: str) -> str:
    """Return `ThrottlingException` for `throttlingException`, `com.amazonaws#ThrottlingException:http://internal…`."""
    name = raw.split(":", 1)[0].rsplit("#", 1)[-1].strip()
    name = name[:1].upper() + name[1:]
    return name if not name or name.endswith("Exception") else f"{name}Exception"


def _error(name: str, message: str, http_status: int | None) -> UpstreamError:
    """Return the error for an exception; `http_status` is None if it came in a frame."""
    answer, message = ANSWERS.get(name), _SIGNED.sub("", message)
    if answer is None:
        status = http_status or 502
        kind = _TYPES_BY_STATUS.get(status, "invalid_request_error") if status < 500 else "api_error"
        return UpstreamError(message, status=status, type=kind, code=_snake_case(name) or None)
    code = _snake_case(name) if answer.named else answer.code
    if name == "ValidationException" and _TOO_LONG.search(message):
        code = "context_length_exceeded"
    # The status of an HTTP response is more exact than the table's 500.
    status = http_status if http_status is not None and answer.status == 500 else answer.status
    return UpstreamError(message, status=status, type=answer.type, code=code)


def _decode(body: bytes) -> _ErrorBody | None:
    try:
        return _BODY.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _snake_case(name: str) -> str:
    return _WORD_START.sub("_", name).lower()
