"""The request as it leaves the gateway: whose headers go along, and who signs."""

from __future__ import annotations

from collections.abc import Iterable

from aigw_extproc.aws.identity import BearerToken, Identity
from aigw_extproc.aws.names import host_region, model_region
from aigw_extproc.aws.sigv4 import sign
from aigw_extproc.config.snapshot import MODEL_HEADER, Backend, Upstream
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.exchange.messages import ForwardRequest, Headers, NeedUpstream, UpstreamCall
from aigw_extproc.translate.contract import UpstreamRequest
from aigw_extproc.wire import edit_fields

BACKEND_HEADER = "x-ai-eg-backend"
"""Names the Envoy cluster; the route that we render sends the request there, and removes the header."""
SCHEME_HEADER = "x-forwarded-proto"
"""Envoy finds no route without it, so it is the route that removes it."""
USER_AGENT = "aigw-extproc"

# What of the client's headers may leave the gateway. Everything else is removed: credentials, cookies, what Envoy adds.
FORWARDED = frozenset({"content-type", "x-request-id", "traceparent", "tracestate", "x-amzn-trace-id"})
_KEPT = FORWARDED | {SCHEME_HEADER}
_TO_ENVOY = frozenset({":path", MODEL_HEADER, BACKEND_HEADER})


def forward(
    request: UpstreamRequest,
    backend: Backend,
    *,
    client_headers: Headers,
    client_model: str,
    model: str,
    identity: Identity | None,
    now: float,
) -> ForwardRequest:
    """The translated request with the operator's changes, and with what proves to AWS who asks.

    `client_model` is the model's name as the client said it, `model` as the backend is asked for it.

    Raises:
        InvalidRequest: the model is an ARN of another region than the backend's.
    """
    _require_region(model, backend)
    changed = backend.body_mutation
    body = edit_fields(request.body, set_fields=dict(changed.set), remove=changed.remove)
    changes = backend.header_mutation
    own = {"content-type": "application/json", "accept": request.accept, "user-agent": USER_AGENT}
    set_headers = {
        **{name: value for name, value in own.items() if name not in changes.remove},
        **dict(changes.set),
        ":path": request.path,
        "content-length": str(len(body)),
        MODEL_HEADER: client_model,
        BACKEND_HEADER: backend.upstream.cluster,
        **_authorization(backend, request.path, body, identity, now),
    }
    return ForwardRequest(
        set_headers=tuple(set_headers.items()),
        remove_headers=tuple(
            name
            for name in client_headers
            if name not in set_headers and name[0] != ":" and (name not in _KEPT or name in changes.remove)
        ),
        body=body,
        backend=backend.name,
        model=model,
    )


def direct(requests: Iterable[ForwardRequest], upstream: Upstream, client_headers: Headers) -> NeedUpstream:
    """The same requests as they would leave Envoy, for us to make: what is told to Envoy alone is left out."""
    return NeedUpstream(
        upstream=upstream, calls=tuple(_call(request, client_headers, upstream.host) for request in requests)
    )


def _call(forwarded: ForwardRequest, client_headers: Headers, host: str) -> UpstreamCall:
    theirs = {
        name: value
        for name, value in client_headers.items()
        if name in FORWARDED and name not in forwarded.remove_headers
    }
    ours = {name: value for name, value in forwarded.set_headers if name not in _TO_ENVOY}
    headers = {"host": host, **theirs, **ours}
    return UpstreamCall(path=dict(forwarded.set_headers)[":path"], headers=tuple(headers.items()), body=forwarded.body)


def _require_region(model: str, backend: Backend) -> None:
    """An ARN is answered in its own region only, and Envoy's cluster, which is fixed, reaches another one."""
    region, wanted = host_region(backend.upstream.host), model_region(model)
    if region is not None and wanted is not None and region != wanted:
        raise InvalidRequest.at(
            "model",
            f"this ARN is of {wanted}, but the backend that serves it is in {region};"
            " it needs a rule of its own, with a backend in its region",
        )


def _authorization(backend: Backend, path: str, body: bytes, identity: Identity | None, now: float) -> dict[str, str]:
    if backend.auth is None or identity is None:
        return {}
    if isinstance(identity, BearerToken):
        return {"authorization": f"Bearer {identity.token}"}
    return dict(
        sign(
            method="POST",
            host=backend.upstream.host,
            path=path,
            body=body,
            region=backend.auth.region,
            credentials=identity,
            now=now,
        )
    )
