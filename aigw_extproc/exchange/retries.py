"""Which answers of an attempt let Envoy try another backend.

The triggers are Envoy's: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
An attempt that fails in the gateway, before its backend has been asked, counts as `connect-failure`.
"""

from __future__ import annotations

from typing import Final

from aigw_extproc.config.traffic import Retry
from aigw_extproc.errors import (
    CredentialsUnavailable,
    EventStreamError,
    GatewayError,
    InvalidRequest,
    UpstreamError,
    UpstreamTruncated,
    UpstreamUnreachable,
)
from aigw_extproc.exchange.messages import Outcome, Pairs
from aigw_extproc.exchange.names import CODE_HEADER, RETRY_HEADER

_NO_ANSWER: Final = frozenset({"5xx", "gateway-error", "reset"})
_CONNECT_FAILURE: Final = _NO_ANSWER | {"connect-failure", "reset-before-request"}

# https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage, %RESPONSE_FLAGS%
_CONNECT_FLAGS: Final = frozenset({"UF", "UH"})
_RESET_FLAGS: Final = frozenset({"UC", "UR", "UPE"})


def error_marks(outcome: Outcome, error: GatewayError) -> Pairs:
    """Return the headers, for Envoy and for the request's own exchange, of an attempt that answers with an error."""
    if outcome.attempt is None:
        return ()
    code = ((CODE_HEADER, error.label),)
    again = _fails_over(outcome.attempt.retry, error, varied=outcome.attempt.varied)
    return ((RETRY_HEADER, "1"), *code) if again else code


def reply_marks(retry: Retry, status: int, flags: str) -> Pairs:
    """Return the header of an attempt that Envoy has answered itself, with these response flags."""
    set_flags = set(flags.split(","))
    if set_flags & _CONNECT_FLAGS:
        again = bool(_CONNECT_FAILURE & retry.triggers)
    elif set_flags & _RESET_FLAGS:
        again = bool(_NO_ANSWER & retry.triggers)
    else:
        again = _by_status(retry, status)
    return ((RETRY_HEADER, "1"),) if again else ()


def _fails_over(retry: Retry, error: GatewayError, *, varied: bool) -> bool:
    if isinstance(error, (UpstreamTruncated, EventStreamError)):
        return bool(_NO_ANSWER & retry.triggers)
    if isinstance(error, UpstreamError):
        return _by_status(retry, error.status)
    unasked = isinstance(error, (CredentialsUnavailable, UpstreamUnreachable))
    return (unasked or (varied and isinstance(error, InvalidRequest))) and bool(_CONNECT_FAILURE & retry.triggers)


def _by_status(retry: Retry, status: int) -> bool:
    return any(
        (
            "retriable-status-codes" in retry.triggers and status in retry.status_codes,
            "5xx" in retry.triggers and status >= 500,
            "gateway-error" in retry.triggers and status in (502, 503, 504),
            "retriable-4xx" in retry.triggers and status == 409,
        )
    )
