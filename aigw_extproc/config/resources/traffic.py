"""BackendTrafficPolicy, field by field: retries, time limits, and what is passed over; `limits` has its rate limits.

https://gateway.envoyproxy.io/docs/api/extension_types/#backendtrafficpolicyspec
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from aigw_extproc.config.resources.ai_gateway import NotEnforced, ObjectRef, Resource, ResourcePart, Unsupported
from aigw_extproc.config.resources.decode import Discarded, refused, unused
from aigw_extproc.config.resources.limits import RateLimitSpec

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
_Positive = Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
_Merging = Annotated[
    Discarded, refused("not supported: a route's policy replaces the gateway's; write both into the route's")
]
_Selected = Annotated[Discarded, refused("not supported: there are no labels here; name the targets in targetRefs")]
_Asked = Annotated[Discarded, unused("backends are not probed; a model's answer to a probe costs money")]
_Elsewhere = Annotated[Discarded, unused("no effect here: `priority` and `weight` of a rule's backendRefs decide")]

Trigger = Literal[
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
]
"""The last five are of gRPC, which no backend here speaks."""


class RetryOn(ResourcePart, frozen=True, kw_only=True):
    """`retryOn`: what is tried again."""

    triggers: tuple[Trigger, ...] = ()
    http_status_codes: tuple[Annotated[int, msgspec.Meta(ge=100, le=599)], ...] = ()


class BackOff(ResourcePart, frozen=True, kw_only=True):
    """`backOff`: the pause before a retry."""

    base_interval: str | None = None
    max_interval: str | None = None


class PerRetry(ResourcePart, frozen=True, kw_only=True):
    """`perRetry`: limits of each attempt."""

    timeout: str | None = None
    back_off: BackOff = BackOff()


class RetrySpec(ResourcePart, frozen=True, kw_only=True):
    """`retry`: how often a request is tried, and where."""

    num_retries: _Count | None = None
    num_attempts_per_priority: _Positive = 1
    retry_on: RetryOn | None = None
    per_retry: PerRetry = PerRetry()


class PassiveHealthCheck(ResourcePart, frozen=True, kw_only=True):
    """`passive`: when a backend that keeps failing is passed over."""

    interval: str | None = None
    consecutive_5xx_errors: _Count | None = msgspec.field(default=None, name="consecutive5XxErrors")
    consecutive_gateway_errors: _Count = 0
    base_ejection_time: str | None = None
    max_ejection_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    always_eject_one_endpoint: Unsupported = None
    consecutive_local_origin_failures: Unsupported = None
    failure_percentage_threshold: Unsupported = None
    split_external_local_origin_errors: Unsupported = None


class HealthCheck(ResourcePart, frozen=True, kw_only=True):
    """`healthCheck`: whether backends work."""

    active: _Asked = None
    passive: PassiveHealthCheck | None = None
    panic_threshold: Unsupported = None


class TcpTimeout(ResourcePart, frozen=True, kw_only=True):
    """`timeout.tcp`."""

    connect_timeout: str | None = None


class HttpTimeout(ResourcePart, frozen=True, kw_only=True):
    """`timeout.http`."""

    request_timeout: str | None = None
    stream_idle_timeout: str | None = None
    connection_idle_timeout: str | None = None
    max_connection_duration: str | None = None
    max_stream_duration: Unsupported = None


class TimeoutSpec(ResourcePart, frozen=True, kw_only=True):
    """`timeout`: limits of connections and requests."""

    tcp: TcpTimeout = TcpTimeout()
    http: HttpTimeout = HttpTimeout()


class PerEndpoint(ResourcePart, frozen=True, kw_only=True):
    """`perEndpoint`: limits of each backend."""

    max_connections: _Count | None = None


class CircuitBreaker(ResourcePart, frozen=True, kw_only=True):
    """`circuitBreaker`: what a rule may have under way at once."""

    max_connections: _Count | None = None
    max_pending_requests: _Count | None = None
    max_parallel_requests: _Count | None = None
    max_parallel_retries: _Count | None = None
    max_requests_per_connection: _Positive | None = None
    per_endpoint: PerEndpoint = PerEndpoint()


class TrafficPolicySpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of BackendTrafficPolicy."""

    target_ref: ObjectRef | None = None
    target_refs: tuple[ObjectRef, ...] = ()
    target_selectors: _Selected = None
    merge_type: _Merging = None
    retry: RetrySpec | None = None
    health_check: HealthCheck = HealthCheck()
    timeout: TimeoutSpec = TimeoutSpec()
    circuit_breaker: CircuitBreaker | None = None
    admission_control: NotEnforced = None
    bandwidth_limit: NotEnforced = None
    rate_limit: RateLimitSpec | None = None
    request_buffer: NotEnforced = None
    compression: Unsupported = None
    compressor: Unsupported = None
    connection: Unsupported = None
    dns: Unsupported = None
    fault_injection: Unsupported = None
    http2: Unsupported = None
    http_upgrade: Unsupported = None
    load_balancer: _Elsewhere = None
    proxy_protocol: Unsupported = None
    response_override: Unsupported = None
    routing_type: _Elsewhere = None
    tcp_keepalive: Unsupported = None
    telemetry: Unsupported = None
    use_client_protocol: Unsupported = None


class BackendTrafficPolicy(Resource, frozen=True, kw_only=True):
    """How requests of a gateway or a route reach backends."""

    spec: TrafficPolicySpec
