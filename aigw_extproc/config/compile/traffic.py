"""Compilation of BackendTrafficPolicies, and of failover: how each rule's backends are tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from aigw_extproc.config.compile.annotations import LIMIT_FLAGS, check_flags
from aigw_extproc.config.compile.durations import duration
from aigw_extproc.config.compile.limits import NO_LIMITS, RateLimits, compile_rate_limits
from aigw_extproc.config.compile.targets import Attached, attach
from aigw_extproc.config.resources.catalog import Catalog, Item, Key
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.traffic import (
    BackendTrafficPolicy,
    CircuitBreaker,
    PassiveHealthCheck,
    RetryOn,
    RetrySpec,
    TimeoutSpec,
)
from aigw_extproc.config.snapshot import Backend, Rule
from aigw_extproc.config.traffic import Connections, Ejection, Failover, Limits, Retry, Timeouts

_RETRIES: Final = 2  # of Envoy Gateway
_MAX_RETRIES: Final = 4
"""Without a policy: a client waits for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficPolicy:
    """A BackendTrafficPolicy; None for what it does not set."""

    name: str
    retry: Retry | None
    ejection: Ejection | None
    limits: Limits | None
    timeouts: Timeouts
    connections: Connections
    rate_limits: RateLimits = NO_LIMITS

    @property
    def of_attempts(self) -> bool:
        """Whether it needs a cluster of the rule's own, even for a single backend."""
        return any(part is not None for part in (self.retry, self.ejection, self.limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How the backends of rules are tried."""

    policies: Attached[TrafficPolicy]

    def apply(self, route: Key, rule: Rule) -> Rule:
        """Return a rule as its policy, or the gateway's, wants it."""
        policy = self.policies.of(route)
        if policy is not None:
            backends = tuple(_limited(backend, policy) for backend in rule.backends)
            policy.rate_limits.check_costs(route, rule)
            rule = replace(rule, backends=backends, rate_limits=policy.rate_limits.of(route))
        used = [backend for backend in rule.backends if backend.weight]
        if len({backend.priority for backend in used}) < 2 and not (policy and policy.of_attempts):
            return replace(rule, backends=tuple(map(_with_one_attempt, rule.backends)))
        retry = Retry(retries=min(len(used) - 1, _MAX_RETRIES))
        return replace(rule, failover=_failover(rule, policy, retry))


def compile_traffic(catalog: Catalog) -> Traffic:
    """Return the BackendTrafficPolicies of the catalog by what they are attached to."""
    policies = [(item, _policy(item)) for item in catalog.all(BackendTrafficPolicy)]
    attached = attach(policies, catalog)
    _warn_of_replaced(attached, {policy.name: item.place.field("spec") for item, policy in policies})
    return Traffic(policies=attached)


def _warn_of_replaced(attached: Attached[TrafficPolicy], places: Mapping[str, Place]) -> None:
    """Name the policies of routes that lift the gateway's limits: that is how Envoy Gateway replaces them."""
    gateway = attached.gateway
    for policy in dict.fromkeys(attached.routes.values()) if gateway and gateway.rate_limits != NO_LIMITS else ():
        if gateway is not None and policy.rate_limits == NO_LIMITS:
            places[policy.name].warn(
                f"replaces '{gateway.name}' of the Gateway, so its rateLimit is not for these routes;"
                " write it into this policy too"
            )


def _policy(item: Item[BackendTrafficPolicy]) -> TrafficPolicy:
    spec, place = item.resource.spec, item.place.field("spec")
    passive = spec.health_check.passive
    breaker = spec.circuit_breaker
    name, annotations = f"{item.namespace}/{item.name}", item.resource.metadata.annotations or {}
    check_flags(annotations, LIMIT_FLAGS, item.place.field("metadata.annotations"))
    rate_limit = spec.rate_limit
    return TrafficPolicy(
        name=name,
        retry=_retry(spec.retry, place.field("retry")) if spec.retry else None,
        ejection=_ejection(passive, place.field("healthCheck.passive")) if passive else None,
        limits=_limits(breaker) if breaker else None,
        timeouts=_timeouts(spec.timeout, place.field("timeout.http")),
        connections=_connections(spec.timeout, breaker, place.field("timeout")),
        rate_limits=compile_rate_limits(rate_limit, name, annotations, place.field("rateLimit"))
        if rate_limit is not None
        else NO_LIMITS,
    )


def _retry(spec: RetrySpec, place: Place) -> Retry:
    default = Retry(retries=_RETRIES if spec.num_retries is None else spec.num_retries)
    base = duration(spec.per_retry.back_off.base_interval, place.field("perRetry.backOff.baseInterval"))
    longest = duration(spec.per_retry.back_off.max_interval, place.field("perRetry.backOff.maxInterval"))
    first = base or default.back_off[0]
    if longest is not None and longest < first:
        place.field("perRetry.backOff.maxInterval").problem(f"must not be less than the base interval, {first:g}s")
    on = spec.retry_on
    if on is not None:
        _check_retry_on(on, place.field("retryOn"))
    return replace(
        default,
        per_priority=spec.num_attempts_per_priority,
        triggers=frozenset(on.triggers) if on else default.triggers,
        status_codes=frozenset(on.http_status_codes) if on else default.status_codes,
        timeout=duration(spec.per_retry.timeout, place.field("perRetry.timeout")),
        back_off=(first, longest or 10 * first),
    )


def _check_retry_on(on: RetryOn, place: Place) -> None:
    if on.http_status_codes and "retriable-status-codes" not in on.triggers:
        place.field("httpStatusCodes").problem("has no effect without the trigger 'retriable-status-codes'; add it")
    if "retriable-status-codes" in on.triggers and not on.http_status_codes:
        place.field("httpStatusCodes").problem("the trigger 'retriable-status-codes' needs at least one")


def _ejection(spec: PassiveHealthCheck, place: Place) -> Ejection:
    default = Ejection()
    return Ejection(
        errors=default.errors if spec.consecutive_5xx_errors is None else spec.consecutive_5xx_errors,
        gateway_errors=spec.consecutive_gateway_errors,
        interval=duration(spec.interval, place.field("interval")) or default.interval,
        base_time=duration(spec.base_ejection_time, place.field("baseEjectionTime")) or default.base_time,
        max_percent=default.max_percent if spec.max_ejection_percent is None else spec.max_ejection_percent,
    )


def _limits(spec: CircuitBreaker) -> Limits:
    return Limits(
        connections=spec.max_connections,
        pending_requests=spec.max_pending_requests,
        requests=spec.max_parallel_requests,
        retries=spec.max_parallel_retries,
        connections_per_backend=spec.per_endpoint.max_connections,
    )


def _timeouts(spec: TimeoutSpec, place: Place) -> Timeouts:
    return Timeouts(
        request=duration(spec.http.request_timeout, place.field("requestTimeout"), zero=True),
        stream_idle=duration(spec.http.stream_idle_timeout, place.field("streamIdleTimeout"), zero=True),
    )


def _connections(spec: TimeoutSpec, breaker: CircuitBreaker | None, place: Place) -> Connections:
    return Connections(
        connect_timeout=duration(spec.tcp.connect_timeout, place.field("tcp.connectTimeout")),
        idle_timeout=duration(spec.http.connection_idle_timeout, place.field("http.connectionIdleTimeout")),
        max_duration=duration(spec.http.max_connection_duration, place.field("http.maxConnectionDuration")),
        max_requests=breaker.max_requests_per_connection if breaker else None,
    )


def _limited(backend: Backend, policy: TrafficPolicy) -> Backend:
    """Return a backend with a policy's limits. Those of its rule win; connections of its own need its own cluster."""
    own, policys = backend.timeouts, policy.timeouts
    timeouts = replace(
        own,
        request=policys.request if own.request is None else own.request,
        stream_idle=policys.stream_idle if own.stream_idle is None else own.stream_idle,
    )
    if policy.connections == Connections():
        return replace(backend, timeouts=timeouts)
    name = f"{backend.upstream.cluster}/{policy.name}"
    upstream = replace(backend.upstream, cluster=name, connections=policy.connections)
    return replace(backend, timeouts=timeouts, upstream=upstream)


def _failover(rule: Rule, policy: TrafficPolicy | None, retry: Retry) -> Failover:
    """Return the failover of a rule by its policy, with `retry` where that says nothing."""
    own = next((backend.timeouts.attempt for backend in rule.backends), None)
    retry = (policy and policy.retry) or retry
    return Failover(
        cluster=rule.name,
        hosts=tuple(map(_host, rule.backends)),
        retry=retry if own is None else replace(retry, timeout=own or None),
        ejection=(policy and policy.ejection) or Ejection(),
        limits=(policy and policy.limits) or Limits(),
    )


def _with_one_attempt(backend: Backend) -> Backend:
    """Return a backend of a rule with one attempt, whose limit is then the request's too."""
    limits = [limit for limit in (backend.timeouts.request, backend.timeouts.attempt) if limit]
    if backend.timeouts.attempt is None or not limits:
        return backend
    return replace(backend, timeouts=replace(backend.timeouts, request=min(limits)))


def _host(backend: Backend) -> str:
    """Return a host for one backend of one rule, another one when its upstream changes."""
    content = repr((backend.name, backend.schema, backend.upstream))
    return f"{sha256(content.encode()).hexdigest()[:16]}.attempt"
