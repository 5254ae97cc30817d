"""The access log: one line per request, without secrets."""

from __future__ import annotations

from collections.abc import Mapping

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.access_loggers.stream import v3 as stream
from envoy_data_plane.google.protobuf import Any, Struct

from aigw_extproc.exchange.names import METADATA_NAMESPACE, OUTCOME_NAMESPACE

PATH_STATE = "aigw.path"
"""Filter state: the path as the client sent it."""
CLIENT_REQUEST_ID_STATE = "aigw.client_request_id"
"""Filter state: the `x-request-id` that the client has sent, where Envoy makes one of its own."""


def _metadata(key: str) -> str:
    """Return the format string of what the processor says about an exchange."""
    return f"%DYNAMIC_METADATA({METADATA_NAMESPACE}:{key})%"


_USAGE = {
    name: _metadata(key)
    for name, key in (
        ("input_tokens", "usage_input_tokens"),
        ("output_tokens", "usage_output_tokens"),
        ("cached_tokens", "usage_cached_input_tokens"),
        ("cache_written_tokens", "usage_cache_creation_input_tokens"),
        ("usage_estimated", "usage_estimated"),
        ("cost_microdollars", "cost_microdollars"),
    )
}
FIELDS = {
    "time": "%START_TIME%",
    "request_id": "%RESP(X-REQUEST-ID)%",
    "client_request_id": f"%FILTER_STATE({CLIENT_REQUEST_ID_STATE}:PLAIN)%",
    "trace_id": "%TRACE_ID%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "api_client": _metadata("client"),
    "method": "%REQ(:METHOD)%",
    "path": f"%FILTER_STATE({PATH_STATE}:PLAIN)%",
    "model": _metadata("model"),
    "stream": _metadata("stream"),
    "backend": _metadata("backend_name"),
    "cluster": "%UPSTREAM_CLUSTER%",
    "status": "%RESPONSE_CODE%",
    "outcome": f"%DYNAMIC_METADATA({OUTCOME_NAMESPACE}:outcome)%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    **_USAGE,
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration_ms": "%DURATION%",
    "upstream_first_byte_ms": "%RESPONSE_DURATION%",
    "aws_request_id": "%RESP(X-AMZN-REQUESTID)%",
    "dropped": "%RESP(X-AIGW-DROPPED-PARAMS)%",
}
"""Format strings by field name. Numbers are logged as numbers, missing values as null.

https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
"""


ATTEMPT_FIELDS = {
    "time": FIELDS["time"],
    "attempt_of": "%REQ(X-REQUEST-ID)%",
    **{name: FIELDS[name] for name in ("trace_id", "stream", "backend", "cluster", "status", "outcome", "details")},
    **_USAGE,
    **{name: FIELDS[name] for name in ("flags", "duration_ms", "upstream_first_byte_ms", "aws_request_id")},
}
"""The same for an attempt of a rule with failover; `attempt_of` is the request's id."""


def attempts_access_log() -> accesslog.AccessLog:
    """Log a JSON object per attempt to standard output, at its end."""
    return _stdout(ATTEMPT_FIELDS)


def stdout_access_log() -> accesslog.AccessLog:
    """Log a JSON object per request to standard output, at the end of the exchange."""
    return _stdout(FIELDS)


def _stdout(fields: Mapping[str, str]) -> accesslog.AccessLog:
    log = stream.StdoutAccessLog(log_format=core.SubstitutionFormatString(json_format=Struct.from_dict(dict(fields))))
    return accesslog.AccessLog(name="envoy.access_loggers.stdout", typed_config=Any.pack(log))
