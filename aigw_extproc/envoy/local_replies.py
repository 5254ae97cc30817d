"""Envoy's own replies (body too large, upstream unreachable…) in the error format of the client's API.

The processor's ImmediateResponses are local replies too: the first mapper recognises them by `details` that begin with
`aigw_`, and leaves them unchanged. The others get a marker header, so that the processor leaves their bodies unchanged.
Observations are in docs/notes/envoy-ext-proc.md.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/local_reply
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.access_loggers.filters.cel import v3 as cel
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.google.protobuf import Any, Struct

from aigw_extproc.anthropic.errors import render as anthropic_error
from aigw_extproc.envoy.access_log import PATH_STATE
from aigw_extproc.exchange.names import BROKEN_HEADER
from aigw_extproc.exchange.response import LOCAL_REPLY_HEADER
from aigw_extproc.translate.registry import ENDPOINTS

DETAILS_PREFIX = "aigw_"
"""The prefix of the `details` of the processor's ImmediateResponses."""

REFUSED = "the gateway refused the request: %RESPONSE_CODE_DETAILS%"
"""With Envoy's details, such as `missing_host_header`."""
_WITH_BODY = "(response.code_details == 'ext_authz_denied' && 'content-type' in response.headers)"
"""An authorization service's own answer, which is passed on."""
BROKEN_OFF = "the upstream broke off its answer or did not speak HTTP"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalReply:
    """A kind of local reply: its CEL condition, and the client's error."""

    when: str
    type: str
    code: str
    message: str
    """`{buffer_limit}` is replaced by the number of bytes that Envoy buffers."""
    to_processor: bool = True
    """Whether the processor sees the reply, and so needs the marker: not if Envoy fails after an answer has begun."""
    broken: bool = False
    """Whether the upstream's answer broke off, of which the client has nothing yet."""
    retry_seconds: int | None = None
    """The value of `retry-after`; None for none."""


REPLIES = (
    LocalReply(
        when="response.code == 413",
        type="invalid_request_error",
        code="request_too_large",
        message="the request body is larger than the {buffer_limit} bytes that this gateway accepts",
    ),
    LocalReply(
        when="response.code_details == 'ext_authz_denied' && response.code == 401",
        type="authentication_error",
        code="unauthorized",
        message="the authorization service of this gateway does not know the client",
    ),
    LocalReply(
        when="response.code_details == 'ext_authz_denied'",
        type="permission_error",
        code="permission_denied",
        message="the authorization service of this gateway refused the request",
    ),
    LocalReply(
        when="response.code_details.startsWith('ext_authz')",
        type="api_error",
        code="authorization_unavailable",
        message="the authorization service of this gateway did not answer; try again later",
        retry_seconds=1,
    ),
    LocalReply(
        when="response.code_details.startsWith('ext_proc_error')",
        type="api_error",
        code="gateway_error",
        message="the gateway could not process the request; its access log says why",
        to_processor=False,
    ),
    LocalReply(
        when="response.code_details == 'cluster_not_found'",
        type="api_error",
        code="upstream_unavailable",
        message="the gateway's Envoy has no upstream for this model",
    ),
    LocalReply(
        when="response.code_details == 'response_payload_too_large'",
        type="api_error",
        code="upstream_error",
        message="the upstream's answer is larger than the {buffer_limit} bytes that this gateway holds",
        to_processor=False,
    ),
    LocalReply(
        when="response.code_details.contains('overflow') || response.code_details == 'overload'",
        type="overloaded_error",
        code="gateway_overloaded",
        message="the gateway has reached its limit of concurrent requests or of memory; try again later",
        retry_seconds=1,
    ),
    LocalReply(
        when="response.code == 503",
        type="api_error",
        code="upstream_unavailable",
        message="the gateway got no answer from the upstream",
    ),
    LocalReply(
        when="response.code_details.startsWith('upstream_reset_after_response_started')",
        type="api_error",
        code="upstream_error",
        message=BROKEN_OFF,
        to_processor=False,
        broken=True,
    ),
    LocalReply(
        when="response.code == 502",
        type="api_error",
        code="upstream_error",
        message=BROKEN_OFF,
    ),
    LocalReply(
        when="response.code == 504",
        type="timeout_error",
        code="upstream_timeout",
        message="the upstream did not answer in time",
    ),
    LocalReply(
        when="response.code == 408",
        type="timeout_error",
        code="request_timeout",
        message="the request did not arrive in time",
    ),
    LocalReply(
        when="response.code == 404",
        type="not_found_error",
        code="unknown_path",
        message="the gateway has no such path",
    ),
    LocalReply(
        when="response.code in [400, 426, 431]",  # before ext_proc runs
        type="invalid_request_error",
        code="bad_request",
        message=REFUSED,
        to_processor=False,
    ),
    LocalReply(
        when="response.code < 500",
        type="invalid_request_error",
        code="bad_request",
        message=REFUSED,
    ),
    LocalReply(
        when="true",
        type="api_error",
        code="gateway_error",
        message="the gateway failed; its access log says why",
    ),
)
"""The first match applies. Messages omit Envoy's details, which can contain addresses."""


def local_reply_config(*, buffer_limit: int, attempts: bool = False) -> hcm.LocalReplyConfig:
    """Return a mapper per kind and API; the first match applies. `buffer_limit` is in bytes.

    Replies to `attempts` have a header where the answer broke off, since the processor does not see these.
    """
    unchanged = hcm.ResponseMapper(
        filter=_when(f"response.code_details.startsWith('{DETAILS_PREFIX}') || {_WITH_BODY}")
    )
    replies = [
        replace(reply, message=reply.message.format(buffer_limit=buffer_limit), broken=reply.broken and attempts)
        for reply in REPLIES
    ]
    to_anthropic = _sent_to(path for path, endpoint in ENDPOINTS.items() if endpoint.render_error is anthropic_error)
    anthropic = [_mapper(reply, f"{to_anthropic} && ({reply.when})", _anthropic_error(reply)) for reply in replies]
    openai = [_mapper(reply, reply.when, _openai_error(reply)) for reply in replies]
    return hcm.LocalReplyConfig(mappers=[unchanged, *anthropic, *openai])


def _header(name: str, value: str) -> core.HeaderValueOption:
    return core.HeaderValueOption(
        header=core.HeaderValue(key=name, value=value),
        append_action=core.HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    )


def _mapper(reply: LocalReply, when: str, document: dict[str, object]) -> hcm.ResponseMapper:
    body = core.SubstitutionFormatString(json_format=Struct.from_dict(document), content_type="application/json")
    marker = [_header(LOCAL_REPLY_HEADER, f"%RESPONSE_FLAGS% {reply.code}")] if reply.to_processor else []
    retry = [_header("retry-after", str(reply.retry_seconds))] if reply.retry_seconds is not None else []
    broken = [_header(BROKEN_HEADER, "true")] if reply.broken else []
    return hcm.ResponseMapper(filter=_when(when), body_format_override=body, headers_to_add=[*marker, *retry, *broken])


def _openai_error(reply: LocalReply) -> dict[str, object]:
    return {"error": {"message": reply.message, "type": reply.type, "param": None, "code": reply.code}}


def _anthropic_error(reply: LocalReply) -> dict[str, object]:
    error = {"type": reply.type, "message": reply.message}
    return {"type": "error", "error": error, "request_id": "%REQ(X-REQUEST-ID)%"}


def _sent_to(paths: Iterable[str]) -> str:
    """Return the CEL condition for requests whose original path is one of `paths`."""
    # `:path` may be the upstream's by now; without filter state, Envoy replies before any filter has seen the request.
    # Filter state is bytes in CEL, which can only be compared for equality.
    listed = [f"'{path}'" for path in paths]
    original = f"filter_state['{PATH_STATE}'] in [{', '.join(f'b{path}' for path in listed)}]"
    return f"({original} || request.url_path in [{', '.join(listed)}])"


def _when(expression: str) -> accesslog.AccessLogFilter:
    return accesslog.AccessLogFilter(
        extension_filter=accesslog.ExtensionFilter(
            name="envoy.access_loggers.extension_filters.cel",
            typed_config=Any.pack(cel.ExpressionFilter(expression=expression)),
        )
    )
