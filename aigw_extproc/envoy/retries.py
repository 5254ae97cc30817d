"""Retries, only of requests that cannot have been processed: model calls are neither cheap nor idempotent."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts import v3 as predicates
from envoy_data_plane.google.protobuf import Any

RETRY_ON = "connect-failure,refused-stream,reset-before-request"
"""https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on"""
PROCESSOR_RETRY_ON = f"{RETRY_ON},cancelled"
"""A gRPC server that stops cancels calls that it has received and not begun. Envoy retries on this status only in place
of the answer's headers, never after the processor has begun to answer."""
RETRIES = 2
BACK_OFF = (timedelta(milliseconds=50), timedelta(milliseconds=500))
"""The first interval and the longest one."""
PREVIOUS_HOSTS = "envoy.retry_host_predicates.previous_hosts"
HOST_SELECTIONS = 32
"""Attempts to select an endpoint that has not failed yet. One that is down has no open streams, so three of four
selections of the less loaded of two pick it again."""


def upstream_retries() -> route.RetryPolicy:
    """Return the policy for requests to an upstream."""
    base, longest = BACK_OFF
    return route.RetryPolicy(
        retry_on=RETRY_ON,
        num_retries=RETRIES,
        retry_back_off=route.RetryPolicyRetryBackOff(base_interval=base, max_interval=longest),
        retry_host_predicate=[previous_hosts()],
        host_selection_retry_max_attempts=HOST_SELECTIONS,
    )


def previous_hosts() -> route.RetryPolicyRetryHostPredicate:
    """Return the condition that an endpoint has not been tried."""
    return route.RetryPolicyRetryHostPredicate(name=PREVIOUS_HOSTS, typed_config=_previous_hosts())


def processor_retries() -> core.RetryPolicy:
    """Return the policy for streams to the processor, so that requests survive the restart of a worker."""
    base, longest = BACK_OFF
    return core.RetryPolicy(
        retry_on=PROCESSOR_RETRY_ON,
        num_retries=RETRIES,
        retry_back_off=core.BackoffStrategy(base_interval=base, max_interval=longest),
        retry_host_predicate=[core.RetryPolicyRetryHostPredicate(name=PREVIOUS_HOSTS, typed_config=_previous_hosts())],
        host_selection_retry_max_attempts=HOST_SELECTIONS,
    )


def _previous_hosts() -> Any:
    return Any.pack(predicates.PreviousHostsPredicate())
