"""The request as it leaves the gateway: its headers and its signature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import msgspec

from aigw_extproc.aws.identity import BearerToken, Credentials, Identity
from aigw_extproc.aws.names import host_region, model_region
from aigw_extproc.aws.sigv4 import sign
from aigw_extproc.config.snapshot import MODEL_HEADER, Backend, Upstream
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.exchange import client_metadata
from aigw_extproc.exchange.limits import time_limits
from aigw_extproc.exchange.messages import ForwardRequest, Headers, NeedUpstream, UpstreamCall
from aigw_extproc.exchange.names import IDLE_HEADER, RETRIES_HEADER, TIMEOUT_HEADER
from aigw_extproc.exchange.phases import Batched, Forwarded, Sent, Step, Translated
from aigw_extproc.exchange.spending import characters_of
from aigw_extproc.translate.contract import UpstreamBatch
from aigw_extproc.wire import edit_fields

BACKEND_HEADER = "x-ai-eg-backend"
"""Names the Envoy cluster. The rendered route sends the request there, and removes the header."""
SCHEME_HEADER = "x-forwarded-proto"
"""Envoy finds no route without it, so the route removes it."""
USER_AGENT = "aigw-extproc"

# The client's headers that may leave the gateway. All others are removed: credentials, cookies, those that Envoy adds.
FORWARDED = frozenset({"content-type", "x-request-id", "traceparent", "tracestate", "x-amzn-trace-id"})
_KEPT = FORWARDED | {SCHEME_HEADER}
_TO_ENVOY = frozenset({":path", MODEL_HEADER, BACKEND_HEADER, IDLE_HEADER, RETRIES_HEADER, TIMEOUT_HEADER})


def forward(phase: Translated, identity: Identity | None, now: float) -> Step:
    """Send the translated request upstream, signed by `identity`: through Envoy, or as a batch from the gateway itself.

    Raises:
        InvalidRequest: the model is an ARN of another region than the backend's.
    """
    _require_region(phase.outcome.request_model, phase.backend)
    request = phase.request
    is_signed, characters = isinstance(identity, Credentials), characters_of(request.body, phase.backend.schema.name)
    outcome = msgspec.structs.replace(phase.outcome, signed=is_signed, characters=characters)
    if isinstance(request, UpstreamBatch) and request.further:
        signed = [_sign(phase, body, identity, now) for body in (request.body, *request.further)]
        batched = Batched(client=phase.client, outcome=outcome, answer=request.answer)
        return batched, _direct(signed, phase.backend.upstream, phase.headers)
    sent = Forwarded if outcome.attempt is None else Sent
    forwarded = sent(
        client=phase.client,
        outcome=outcome,
        answer=request.answer,
        accept=request.accept,
        may_pause=request.may_pause,
    )
    return forwarded, _sign(phase, request.body, identity, now)


def _sign(phase: Translated, body: bytes, identity: Identity | None, now: float) -> ForwardRequest:
    """Return one request as Envoy sends it, with the operator's changes and its signature."""
    backend, request = phase.backend, phase.request
    fields, changes = backend.body_mutation, backend.header_mutation
    body = edit_fields(body, set_fields=dict(fields.set), remove=fields.remove)
    set_headers = {"content-type": "application/json", "accept": request.accept, "user-agent": USER_AGENT}
    set_headers.update(request.headers)
    for name in changes.remove:
        set_headers.pop(name, None)
    set_headers.update(changes.set)
    key = backend.settings.client_metadata
    if key:
        body = client_metadata.in_body(request.path, body, key, phase.outcome.client)
        client_metadata.in_headers(request.path, set_headers, key, phase.outcome.client)
    set_headers.update(phase.identity)
    set_headers[":path"] = request.path
    set_headers["content-length"] = str(len(body))
    set_headers[MODEL_HEADER] = phase.outcome.model
    set_headers[BACKEND_HEADER] = backend.upstream.cluster
    set_headers.update(time_limits(backend.timeouts, stream=request.stream))
    if phase.outcome.attempt is not None:
        set_headers[RETRIES_HEADER] = "0"  # the request has other attempts
    set_headers.update(_authorization(backend, request.path, body, identity, now))
    kept = _KEPT.difference(changes.remove) if changes.remove else _KEPT
    remove_headers = [name for name in phase.headers if name not in kept and name not in set_headers and name[0] != ":"]
    return ForwardRequest(
        set_headers=tuple(set_headers.items()),
        remove_headers=tuple(remove_headers),
        body=body,
        backend=backend.name,
        model=phase.outcome.request_model,
        client=phase.outcome.client,
        original_model=phase.outcome.model,
        stream=request.stream,
    )


def _direct(requests: Iterable[ForwardRequest], upstream: Upstream, client_headers: Headers) -> NeedUpstream:
    """Return the same requests as they would leave Envoy, without the headers that are for Envoy alone."""
    return NeedUpstream(
        upstream=upstream, calls=tuple(as_sent(request, client_headers, upstream.host) for request in requests)
    )


def as_sent(forwarded: ForwardRequest, client_headers: Headers, host: str) -> UpstreamCall:
    """Return a request as it leaves Envoy."""
    theirs = {
        name: value
        for name, value in client_headers.items()
        if name in FORWARDED and name not in forwarded.remove_headers
    }
    ours = {name: value for name, value in forwarded.set_headers if name not in _TO_ENVOY}
    headers = {"host": host, **theirs, **ours}
    return UpstreamCall(path=dict(forwarded.set_headers)[":path"], headers=tuple(headers.items()), body=forwarded.body)


def _require_region(model: str, backend: Backend) -> None:
    """Only an ARN's own region serves it, and Envoy's cluster for the backend is fixed to the backend's region."""
    wanted = model_region(model)
    region = wanted and host_region(backend.upstream.host)
    if region != wanted and region is not None:
        raise InvalidRequest.at(
            "model",
            f"this ARN is of {wanted}, but the backend that serves it is in {region};"
            " it needs a rule of its own, with a backend in its region",
        )


def _authorization(
    backend: Backend, path: str, body: bytes, identity: Identity | None, now: float
) -> Iterable[tuple[str, str]]:
    if backend.auth is None or identity is None:
        return ()
    match identity:
        case BearerToken():
            return (("authorization", f"Bearer {identity.token}"),)
        case Credentials():
            host, region = backend.upstream.host, backend.auth.region
            return sign(method="POST", host=host, path=path, body=body, region=region, credentials=identity, now=now)
        case _:
            assert_never(identity)
