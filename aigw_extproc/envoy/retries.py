"""Retries: only where the other side cannot have begun to work. A model call is neither cheap nor idempotent."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts import v3 as previous_hosts
from envoy_data_plane.google.protobuf import Any

RETRY_ON = "connect-failure,refused-stream,reset-before-request"
"""https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on"""
PROCESSOR_RETRY_ON = f"{RETRY_ON},cancelled"
"""gRPC's server, when it is told to stop, cancels calls that it has received and not begun. This status comes in place
of an answer's headers: one that the processor has begun to answer is never repeated."""
RETRIES = 2
BACK_OFF = (timedelta(milliseconds=50), timedelta(milliseconds=500))
"""The base of the first and the most between two attempts."""
PREVIOUS_HOSTS = "envoy.retry_host_predicates.previous_hosts"
HOST_SELECTIONS = 32
"""How often another endpoint is looked for that has not failed yet. One that is gone has no open stream, so three out
of four choices of the less loaded of two find it again."""


def upstream_retries() -> route.RetryPolicy:
    """For requests to an upstream."""
    base, most = BACK_OFF
    return route.RetryPolicy(
        retry_on=RETRY_ON,
        num_retries=RETRIES,
        retry_back_off=route.RetryPolicyRetryBackOff(base_interval=base, max_interval=most),
        retry_host_predicate=[route.RetryPolicyRetryHostPredicate(name=PREVIOUS_HOSTS, typed_config=_previous_hosts())],
        host_selection_retry_max_attempts=HOST_SELECTIONS,
    )


def processor_retries() -> core.RetryPolicy:
    """For streams to the processor: a worker that is being restarted costs its neighbours nothing."""
    base, most = BACK_OFF
    return core.RetryPolicy(
        retry_on=PROCESSOR_RETRY_ON,
        num_retries=RETRIES,
        retry_back_off=core.BackoffStrategy(base_interval=base, max_interval=most),
        retry_host_predicate=[core.RetryPolicyRetryHostPredicate(name=PREVIOUS_HOSTS, typed_config=_previous_hosts())],
        host_selection_retry_max_attempts=HOST_SELECTIONS,
    )


def _previous_hosts() -> Any:
    return Any.pack(previous_hosts.PreviousHostsPredicate())
