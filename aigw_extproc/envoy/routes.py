"""Routing: one route for all rules, since the processor names the cluster of each request."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import MODEL_HEADER
from aigw_extproc.envoy.normalization import slash_route
from aigw_extproc.envoy.retries import upstream_retries
from aigw_extproc.exchange.response import LOCAL_REPLY_HEADER
from aigw_extproc.exchange.upstream import BACKEND_HEADER, SCHEME_HEADER

PROCESSOR_FILTER = "envoy.filters.http.ext_proc"
"""The processor's filter, as named in the connection manager and in routes."""


def route_configuration() -> route.RouteConfiguration:
    """Return one route for all rules, so that Envoy's cost does not grow with their number."""
    routes = [slash_route(route_to_backend()), route_to_backend()]
    everything = route.VirtualHost(name="aigw", domains=["*"], routes=routes)
    return route.RouteConfiguration(name="aigw", virtual_hosts=[everything])


def route_to_backend() -> route.Route:
    """Return a route to the cluster in `x-ai-eg-backend`.

    It also matches before the processor has set that header: a missing or unknown cluster is an error (503) only in the
    router filter. The Host is the endpoint's `hostname`, as signed.
    """
    return route.Route(
        match=route.RouteMatch(prefix="/"),
        route=route.RouteAction(
            cluster_header=BACKEND_HEADER,
            cluster_not_found_response_code=route.RouteActionClusterNotFoundResponseCode.SERVICE_UNAVAILABLE,
            auto_host_rewrite=True,
            timeout=timedelta(0),  # streams can be long; the listener has an idle timeout
            retry_policy=upstream_retries(),
        ),
        typed_per_filter_config={PROCESSOR_FILTER: _enabled()},
        request_headers_to_remove=[MODEL_HEADER, BACKEND_HEADER, SCHEME_HEADER],
        response_headers_to_remove=[LOCAL_REPLY_HEADER],  # an upstream must not set the marker of Envoy's replies
    )


def _enabled() -> Any:
    """Return a route's configuration of the filter, which enables it there."""
    return Any.pack(ext_proc.ExtProcPerRoute(overrides=ext_proc.ExtProcOverrides()))
