"""Routing: one route for everything, since the processor names the cluster of each request."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import MODEL_HEADER
from aigw_extproc.envoy.retries import upstream_retries
from aigw_extproc.exchange import BACKEND_HEADER, LOCAL_REPLY_HEADER, SCHEME_HEADER

PROCESSOR_FILTER = "envoy.filters.http.ext_proc"
"""The name under which the connection manager has the processor's filter, and routes enable it."""


def route_configuration() -> route.RouteConfiguration:
    """The one route, whatever the number of rules, so that Envoy's cost does not grow with them."""
    everything = route.VirtualHost(name="aigw", domains=["*"], routes=[route_to_backend()])
    return route.RouteConfiguration(name="aigw", virtual_hosts=[everything])


def route_to_backend() -> route.Route:
    """To the cluster in `x-ai-eg-backend`.

    It also matches before the processor has set that header: a missing or unknown cluster is an error (503)
    only once the router filter is reached. The Host is the endpoint's `hostname`, which is what was signed.
    """
    return route.Route(
        match=route.RouteMatch(prefix="/"),
        route=route.RouteAction(
            cluster_header=BACKEND_HEADER,
            cluster_not_found_response_code=route.RouteActionClusterNotFoundResponseCode.SERVICE_UNAVAILABLE,
            auto_host_rewrite=True,
            timeout=timedelta(0),  # a stream may last; the listener's idle timeout watches over it
            retry_policy=upstream_retries(),
        ),
        typed_per_filter_config={PROCESSOR_FILTER: _enabled()},
        request_headers_to_remove=[MODEL_HEADER, BACKEND_HEADER, SCHEME_HEADER],
        response_headers_to_remove=[LOCAL_REPLY_HEADER],  # only Envoy itself may say that a reply is Envoy's
    )


def _enabled() -> Any:
    """A filter that is disabled in the connection manager runs where a route has a configuration for it."""
    return Any.pack(ext_proc.ExtProcPerRoute(overrides=ext_proc.ExtProcOverrides()))
