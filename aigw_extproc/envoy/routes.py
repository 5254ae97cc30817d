"""Routing: a few routes for all requests, since the processor names the cluster of each."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import MODEL_HEADER, Snapshot
from aigw_extproc.envoy.addresses import from_file
from aigw_extproc.envoy.clients import per_route
from aigw_extproc.envoy.normalization import slash_route
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.retries import upstream_retries
from aigw_extproc.exchange.limits import idle_value
from aigw_extproc.exchange.names import ATTEMPTS_HEADER, IDLE_HEADER
from aigw_extproc.exchange.response import LOCAL_REPLY_HEADER
from aigw_extproc.exchange.upstream import BACKEND_HEADER, SCHEME_HEADER

ROUTES = "aigw"
"""The name of the configuration of routes."""
PROCESSOR_FILTER = "envoy.filters.http.ext_proc"
"""The processor's filter, as named in the connection manager and in routes."""


class RouteFields(TypedDict, total=False):
    """The two ways of a connection manager to have routes."""

    route_config: route.RouteConfiguration
    rds: hcm.Rds


def route_configuration(snapshot: Snapshot) -> route.RouteConfiguration:
    """Return a route for each kind of request, so that Envoy's cost does not grow with the number of rules."""
    routes = routes_to_backends(snapshot)
    everything = route.VirtualHost(
        name="aigw",
        domains=["*"],
        routes=[slash_route(routes[-1]), *routes],
        typed_per_filter_config=per_route(snapshot),  # once: each copy would fetch the keys of tokens
    )
    return route.RouteConfiguration(name=ROUTES, virtual_hosts=[everything])


def routes_for(snapshot: Snapshot, options: Options) -> RouteFields:
    """Return the fields of a connection manager with its routes, or the file that has them."""
    if options.routes_file is None:
        return {"route_config": route_configuration(snapshot)}
    return {"rds": hcm.Rds(config_source=from_file(options.routes_file), route_config_name=ROUTES)}


def routes_to_backends(snapshot: Snapshot) -> list[route.Route]:
    """Return the routes to the cluster in `x-ai-eg-backend`, in order: for attempts, and one for each idle timeout.

    The last one also matches before the processor has set any header: until then the listener's idle timeout limits how
    long a request may take to arrive. A missing or unknown cluster is an error (503) only in the router filter.
    """
    idles = (0, *snapshot.stream_idles)
    limited = [_to_backend(_marked(IDLE_HEADER, idle_value(idle)), idle) for idle in idles]
    attempts = [_to_attempts()] if snapshot.failovers else []
    return [*attempts, *limited, _to_backend(route.RouteMatch(prefix="/"))]


def _to_attempts() -> route.Route:
    """Return the route to the cluster of a rule, which says when there is another attempt. Attempts have idle timeouts.

    The attempts' listener needs the processor's headers.
    """
    attempts = _to_backend(_marked(ATTEMPTS_HEADER, "true"), 0)
    attempts.request_headers_to_remove = [BACKEND_HEADER, ATTEMPTS_HEADER, SCHEME_HEADER]
    attempts.response_headers_to_remove = []  # those of attempts are for the processor
    return attempts


def _to_backend(match: route.RouteMatch, idle: float | None = None) -> route.Route:
    """Return a route on which the Host is the endpoint's `hostname`, as signed; `idle` is in seconds, 0 is no limit."""
    return route.Route(
        match=match,
        route=route.RouteAction(
            cluster_header=BACKEND_HEADER,
            cluster_not_found_response_code=route.RouteActionClusterNotFoundResponseCode.SERVICE_UNAVAILABLE,
            auto_host_rewrite=True,
            timeout=timedelta(0),  # the processor sets the limit of each request
            idle_timeout=None if idle is None else timedelta(seconds=idle),
            retry_policy=upstream_retries(),
        ),
        typed_per_filter_config={PROCESSOR_FILTER: _enabled()},
        request_headers_to_remove=[MODEL_HEADER, BACKEND_HEADER, IDLE_HEADER, SCHEME_HEADER],
        response_headers_to_remove=[LOCAL_REPLY_HEADER],  # an upstream must not set the marker of Envoy's replies
    )


def _marked(header: str, value: str) -> route.RouteMatch:
    exact = matcher.StringMatcher(exact=value)
    return route.RouteMatch(prefix="/", headers=[route.HeaderMatcher(name=header, string_match=exact)])


def _enabled() -> Any:
    """Return a route's configuration of the filter, which enables it there."""
    return Any.pack(ext_proc.ExtProcPerRoute(overrides=ext_proc.ExtProcOverrides()))
