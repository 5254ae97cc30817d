"""Compilation of `extAuth` and `cors` of SecurityPolicies, which are filters of Envoy."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Final

from aigw_extproc.config.addresses import Upstream
from aigw_extproc.config.compile.asked_services import AskedServices, only_ref
from aigw_extproc.config.compile.clients import identity_header
from aigw_extproc.config.policies import Cors, ExtAuth
from aigw_extproc.config.resources import security
from aigw_extproc.config.resources.catalog import Item
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.names import duration, is_header_name, is_path_prefix
from aigw_extproc.config.resources.security import GrpcExtAuth, HttpExtAuth, SecurityPolicy

_TIMEOUT: Final = "10s"
_ORIGIN: Final = re.compile(r"\*|https?://(?:\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)(?::(?:\*|[0-9]{1,5}))?")
_METHOD: Final = re.compile(r"[A-Z]+|\*")


def compile_ext_auth(item: Item[SecurityPolicy], spec: security.ExtAuth, services: AskedServices) -> ExtAuth | None:
    """Return the service that decides about each request; None, with the problems recorded, if there is none."""
    place = item.place.field("spec.extAuth")
    upstream = _service(item, spec, place, services)
    seconds = duration(spec.timeout or _TIMEOUT)
    if not seconds:
        place.field("timeout").problem(f"must be a duration such as 2s, got {place.show(spec.timeout)}")
    if spec.fail_open:
        place.field("failOpen").warn("requests come in without authorization while the service cannot be reached")
    http = spec.http or HttpExtAuth()
    if http.path and not is_path_prefix(http.path):
        place.field("http.path").problem(f"must be a path such as /auth, got {place.show(http.path)}")
    to_upstream = tuple(
        identity_header(name, place.field("http.headersToBackend").item(n)) or ""
        for n, name in enumerate(http.headers_to_backend)
    )
    if upstream is None or not seconds:
        return None
    return ExtAuth(
        key=f"{item.namespace}/{item.name}/{_digest(spec, upstream)}",
        upstream=upstream,
        grpc=spec.grpc is not None,
        path=http.path,
        headers=_headers(spec.headers_to_ext_auth, place.field("headersToExtAuth")),
        to_upstream=to_upstream,
        to_client=_headers(http.headers_to_client_on_success, place.field("http.headersToClientOnSuccess")),
        body_bytes=spec.body_to_ext_auth.max_request_bytes if spec.body_to_ext_auth is not None else 0,
        fail_open=spec.fail_open,
        timeout_seconds=seconds,
    )


def _service(
    item: Item[SecurityPolicy], spec: security.ExtAuth, place: Place, services: AskedServices
) -> Upstream | None:
    match spec.grpc, spec.http:
        case GrpcExtAuth() as service, None:
            return _upstream(item, service, place.field("grpc"), services, http2=True)
        case None, HttpExtAuth() as service:
            return _upstream(item, service, place.field("http"), services, http2=False)
        case _:
            place.problem("must have exactly one of grpc and http")
            return None


def _upstream(
    item: Item[SecurityPolicy],
    service: GrpcExtAuth | HttpExtAuth,
    place: Place,
    services: AskedServices,
    *,
    http2: bool,
) -> Upstream | None:
    refs, where = service.backend_refs, place.field("backendRefs")
    ref = service.backend_ref if service.backend_ref is not None and not refs else only_ref(refs, where)
    return services.named(ref, item.namespace, where.item(0), http2=http2) if ref is not None else None


def _digest(spec: security.ExtAuth, upstream: Upstream) -> str:
    """Return a digest of everything that decides which requests pass."""
    body = spec.body_to_ext_auth.max_request_bytes if spec.body_to_ext_auth is not None else 0
    where = [upstream.cluster, *map(str, upstream.addresses), upstream.tls is not None]
    http = spec.http
    answer = [http.headers_to_backend] if http is not None else []
    asked = [where, answer, http.path if http is not None else None, spec.headers_to_ext_auth, body, spec.fail_open]
    return sha256(json.dumps(asked).encode()).hexdigest()[:16]


def _headers(names: tuple[str, ...], place: Place) -> tuple[str, ...]:
    for index, name in enumerate(names):
        if not is_header_name(name):
            place.item(index).problem(f"{place.show(name)} is not a valid header name")
    return tuple(name.lower() for name in names)


def compile_cors(spec: security.Cors, place: Place) -> Cors:
    """Return which pages of other sites may use the gateway."""
    if not spec.allow_origins:
        place.field("allowOrigins").problem("must have at least one origin, or no page could use it")
    for index, origin in enumerate(spec.allow_origins):
        if _ORIGIN.fullmatch(origin) is None:
            place.field("allowOrigins").item(index).problem(
                f"must be an origin such as https://*.example.com, got {place.show(origin)}"
            )
    for index, method in enumerate(spec.allow_methods):
        if _METHOD.fullmatch(method) is None:
            place.field("allowMethods").item(index).problem(f"must be a method such as POST, got {place.show(method)}")
    seconds = None if spec.max_age is None else duration(spec.max_age)
    if spec.max_age is not None and seconds is None:
        place.field("maxAge").problem(f"must be a duration such as 24h, got {place.show(spec.max_age)}")
    return Cors(
        origins=spec.allow_origins,
        methods=spec.allow_methods,
        headers=_cors_headers(spec.allow_headers, place.field("allowHeaders")),
        expose_headers=_cors_headers(spec.expose_headers, place.field("exposeHeaders")),
        max_age_seconds=None if seconds is None else int(seconds),
        credentials=spec.allow_credentials,
    )


def _cors_headers(names: tuple[str, ...], place: Place) -> tuple[str, ...]:
    return tuple(_headers(names, place)) if names != ("*",) else names
