"""What leaves the gateway: the request, its signature, and Envoy's route."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Final

import msgspec

from aigw_extproc.aws.identity import BearerToken, Credentials, Identity, describe
from aigw_extproc.bedrock.invoke import METADATA_HEADER
from aigw_extproc.config.snapshot import Backend, Upstream
from aigw_extproc.exchange.limits import UNLIMITED
from aigw_extproc.exchange.messages import Pairs, UpstreamCall
from aigw_extproc.exchange.names import ATTEMPT_TIMEOUT_HEADER, ATTEMPTS_HEADER, IDLE_HEADER, TIMEOUT_HEADER
from aigw_extproc.exchange.upstream import FORWARDED
from aigw_extproc.explain.explanation import EnvoyRoute, Header, Outgoing, Signature

HIDDEN: Final = "(hidden)"
STAND_IN: Final = Credentials(access_key_id="ACCESSKEY", secret_access_key="none")  # noqa: S106 - stands for a secret
"""Signs where real credentials would have to be looked up."""
_SHOWN: Final = FORWARDED | {
    *("accept", "anthropic-beta", "anthropic-version", "content-length", "host", "user-agent", "x-amz-date"),
    METADATA_HEADER,
}
"""Headers whose values are never secret. An operator may set any other one to a key."""
_SCOPE: Final = re.compile(r"Credential=[^/]*/\d{8}/([^/]*)/([^/]*)/aws4_request, SignedHeaders=([^,]*),")


def outgoing(call: UpstreamCall, shown: Container[str]) -> Outgoing:
    """Return a request as it is sent. Values of headers are hidden, but for harmless ones and those in `shown`."""
    headers = dict(call.headers)
    visible = (
        Header(name=name, value=value if name in _SHOWN or name in shown else HIDDEN)
        for name, value in headers.items()
        if name != "host"
    )
    return Outgoing(
        method="POST",
        host=headers["host"],
        path=call.path,
        headers=tuple(visible),
        body=msgspec.Raw(call.body),
        bytes=len(call.body),
    )


def signature(backend: Backend, headers: Mapping[str, str], identity: Identity | None) -> Signature:
    """Return what authorises a request with these headers; `identity` is None if it was not looked up."""
    auth = backend.auth
    if auth is None:
        own = "authorization" in headers
        return Signature(kind="none", reason="the header `authorization` is the operator's" if own else _UNSIGNED)
    own = auth.override is not None and isinstance(identity, Credentials) and identity is not auth.source
    source = "the request's own headers" if own else describe(auth.source)
    if isinstance(identity, BearerToken):
        return Signature(kind="API key", reason="the key is sent as it is", source=source, host=backend.upstream.host)
    scope = _SCOPE.search(headers.get("authorization", ""))
    region, service, signed = scope.groups() if scope else (auth.region, "bedrock", "")
    return Signature(
        kind="SigV4",
        reason="the path, these headers and the body are signed",
        source=source,
        host=backend.upstream.host,
        region=region,
        service=service,
        signed_headers=tuple(signed.split(";")) if signed else (),
    )


_UNSIGNED: Final = "no BackendSecurityPolicy names this backend, so the request is not signed"


def envoy_route(upstream: Upstream, cluster: str, set_headers: Pairs) -> EnvoyRoute:
    """Return where Envoy sends a request with these headers."""
    headers = dict(set_headers)
    marks = (name for name in (ATTEMPTS_HEADER, IDLE_HEADER) if name in headers)
    selector = next((f"{name}: {headers[name]}" for name in marks), "the last one, for every request")
    return EnvoyRoute(
        cluster=cluster,
        route=selector,
        addresses=tuple(map(str, upstream.addresses)),
        tls=upstream.tls.server_name if upstream.tls is not None else "",
        http2=upstream.http2,
        limits=tuple(_limits(headers)),
    )


def _limits(headers: Mapping[str, str]) -> Iterator[str]:
    whole, attempt = headers.get(TIMEOUT_HEADER), headers.get(ATTEMPT_TIMEOUT_HEADER)
    yield f"the answer may take {_seconds(whole)}" if whole else "the answer may take any time"
    if attempt:
        yield f"each attempt must begin to answer within {_seconds(attempt)}"
    idle = headers.get(IDLE_HEADER)
    if idle == UNLIMITED:
        yield "it may be silent until then" if whole else "it may be silent for any time"
    elif idle is not None:
        yield f"it may be silent for {_seconds(idle.removesuffix('ms'))}"
    else:
        yield "it may be silent as long as Envoy's listener allows (5 minutes by default)"


def _seconds(milliseconds: str) -> str:
    return f"{int(milliseconds) / 1000:g} s"
