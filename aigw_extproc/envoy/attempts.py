"""Failover: a cluster for each rule, whose endpoints are its backends, and the listener on which attempts arrive.

The endpoints are addresses inside of this Envoy. Each attempt is a request of its own to the attempts' listener, with
the client's headers and body as they were, so that nothing of an earlier attempt is in it. There the processor
translates and signs it for the backend, which the Host names, and Envoy sends it to that backend's own cluster.

https://www.envoyproxy.io/docs/envoy/latest/configuration/other_features/internal_listener
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.config.listener import v3 as listener
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.bootstrap.internal_listener import v3 as internal
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.retry.priority.previous_priorities import v3 as previous_priorities
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as http
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import Backend, Rule, Snapshot
from aigw_extproc.config.traffic import Ejection, Failover, Limits, Retry
from aigw_extproc.envoy.access_log import attempts_access_log
from aigw_extproc.envoy.clusters import CONNECT_TIMEOUT, alt_stat_name, http1, protocol
from aigw_extproc.envoy.filters import attempt_filters
from aigw_extproc.envoy.local_replies import local_reply_config
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.retries import HOST_SELECTIONS, previous_hosts
from aigw_extproc.envoy.routes import routes_for
from aigw_extproc.envoy.tracing import tracing
from aigw_extproc.exchange.names import BROKEN_HEADER, RETRY_HEADER

LISTENER: Final = "attempts"
_HEADERS_KB: Final = 96  # Envoy's default is 60: what the client's listener takes, and the processor's own
_HEADERS_COUNT: Final = 250  # Envoy's default is 100


def needed(snapshot: Snapshot, options: Options) -> bool:
    """Return whether Envoy needs the listener: always if a rule with failover can come later."""
    return bool(snapshot.failovers) or options.clusters_file is not None


def internal_listeners() -> core.TypedExtensionConfig:
    """Return the extension that lets Envoy connect to itself."""
    return core.TypedExtensionConfig(
        name="envoy.bootstrap.internal_listener", typed_config=Any.pack(internal.InternalListener())
    )


def attempts_listener(snapshot: Snapshot, options: Options) -> listener.Listener:
    """Return the listener of attempts. None of its limits is lower than those of the clients' listener."""
    manager = hcm.HttpConnectionManager(
        stat_prefix=LISTENER,
        codec_type=hcm.HttpConnectionManagerCodecType.HTTP1,
        **routes_for(snapshot, options),
        http_filters=attempt_filters(options),
        access_log=[attempts_access_log()] if options.access_log else [],
        tracing=tracing(options),
        local_reply_config=local_reply_config(buffer_limit=snapshot.buffer_limit, attempts=True),
        common_http_protocol_options=core.HttpProtocolOptions(max_headers_count=_HEADERS_COUNT),
        max_request_headers_kb=_HEADERS_KB,
        stream_idle_timeout=options.idle_timeout,
        server_header_transformation=hcm.HttpConnectionManagerServerHeaderTransformation.PASS_THROUGH,
        path_with_escaped_slashes_action=hcm.HttpConnectionManagerPathWithEscapedSlashesAction.KEEP_UNCHANGED,
    )
    chain = listener.FilterChain(
        filters=[listener.Filter(name="envoy.filters.network.http_connection_manager", typed_config=Any.pack(manager))]
    )
    return listener.Listener(
        name=LISTENER,
        internal_listener=listener.ListenerInternalListenerConfig(),
        per_connection_buffer_limit_bytes=snapshot.buffer_limit,
        filter_chains=[chain],
        ignore_global_conn_limit=True,
    )


def rule_clusters(snapshot: Snapshot, options: Options) -> list[cluster.Cluster]:
    """Return a cluster for each rule with failover."""
    return [
        rule_cluster(rule, rule.failover, options, snapshot.buffer_limit)
        for rule in snapshot.failovers
        if rule.failover is not None
    ]


def rule_cluster(rule: Rule, failover: Failover, options: Options, buffer_limit: int) -> cluster.Cluster:
    """Return the cluster of a rule with failover."""
    return cluster.Cluster(
        name=failover.cluster,
        alt_stat_name=alt_stat_name(failover.cluster),
        connect_timeout=CONNECT_TIMEOUT,
        per_connection_buffer_limit_bytes=buffer_limit,
        load_assignment=_endpoints(rule, failover),
        circuit_breakers=_circuit_breakers(failover.limits, options.max_streams),
        outlier_detection=_outlier_detection(failover.ejection) if failover.ejection else None,
        typed_extension_protocol_options=protocol(
            http.HttpProtocolOptions(explicit_http_config=http1(), retry_policy=_retries(failover.retry))
        ),
    )


def _endpoints(rule: Rule, failover: Failover) -> endpoint.ClusterLoadAssignment:
    """Return the backends by priority, each of one endpoint, whatever its addresses: weights are exact."""
    backends = [(backend, host) for backend, host in zip(rule.backends, failover.hosts, strict=True) if backend.weight]
    priorities = sorted({backend.priority for backend, _ in backends})
    return endpoint.ClusterLoadAssignment(
        cluster_name=failover.cluster,
        endpoints=[
            endpoint.LocalityLbEndpoints(
                priority=index,
                lb_endpoints=[_endpoint(backend, host) for backend, host in backends if backend.priority == priority],
            )
            for index, priority in enumerate(priorities)
        ],
    )


def _endpoint(backend: Backend, host: str) -> endpoint.LbEndpoint:
    address = core.EnvoyInternalAddress(server_listener_name=LISTENER, endpoint_id=backend.name)
    return endpoint.LbEndpoint(
        endpoint=endpoint.Endpoint(address=core.Address(envoy_internal_address=address), hostname=host),
        load_balancing_weight=backend.weight,
    )


def _retries(retry: Retry) -> route.RetryPolicy:
    """Return the policy: the processor says which answer is to be repeated, by a header."""
    base, longest = retry.back_off
    priorities = previous_priorities.PreviousPrioritiesConfig(update_frequency=retry.per_priority)
    failures = [RETRY_HEADER, BROKEN_HEADER] if retry.without_answer else [RETRY_HEADER]
    return route.RetryPolicy(
        retry_on="retriable-headers,reset" if retry.without_answer else "retriable-headers",  # a timeout is a reset
        retriable_headers=[route.HeaderMatcher(name=name, present_match=True) for name in failures],
        num_retries=retry.retries,
        retry_back_off=route.RetryPolicyRetryBackOff(
            base_interval=timedelta(seconds=base), max_interval=timedelta(seconds=longest)
        ),
        retry_priority=route.RetryPolicyRetryPriority(
            name="envoy.retry_priorities.previous_priorities", typed_config=Any.pack(priorities)
        ),
        retry_host_predicate=[previous_hosts()],
        host_selection_retry_max_attempts=HOST_SELECTIONS,
    )


def _circuit_breakers(limits: Limits, max_streams: int) -> cluster.CircuitBreakers:
    """Return the limits. All requests may be retries at once: while a backend is throttled, they are."""
    per_backend = limits.connections_per_backend
    return cluster.CircuitBreakers(
        thresholds=[
            cluster.CircuitBreakersThresholds(
                max_connections=_or(limits.connections, max_streams),
                max_pending_requests=_or(limits.pending_requests, max_streams),
                max_requests=_or(limits.requests, max_streams),
                max_retries=_or(limits.retries, max_streams),
            )
        ],
        per_host_thresholds=[cluster.CircuitBreakersThresholds(max_connections=per_backend)] if per_backend else [],
    )


def _or(limit: int | None, default: int) -> int:
    return default if limit is None else limit


def _outlier_detection(ejection: Ejection) -> cluster.OutlierDetection:
    return cluster.OutlierDetection(
        consecutive_5xx=ejection.errors,
        enforcing_consecutive_5xx=100 if ejection.errors else 0,
        consecutive_gateway_failure=ejection.gateway_errors or None,
        enforcing_consecutive_gateway_failure=100 if ejection.gateway_errors else 0,
        interval=timedelta(seconds=ejection.interval),
        base_ejection_time=timedelta(seconds=ejection.base_time),
        max_ejection_percent=ejection.max_percent,
        enforcing_success_rate=0,
    )
