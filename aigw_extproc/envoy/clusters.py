"""Clusters: one per upstream of the snapshot, and one for the processor."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as http
from envoy_data_plane.envoy.type import v3 as type_v3
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import Snapshot, Upstream
from aigw_extproc.envoy.addresses import load_assignment
from aigw_extproc.envoy.discovery import dns_discovery
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.tls import processor_tls, upstream_tls

PROCESSOR_CLUSTER = "aigw-extproc"
"""The name of the processor's cluster."""

CONNECT_TIMEOUT = timedelta(seconds=10)
UPSTREAM_IDLE = timedelta(seconds=50)
"""Below the 60 s after which load balancers commonly close an idle connection: reuse would race with it."""
STREAM_WINDOW = 16 * 1024 * 1024
"""HTTP/2 flow control towards the processor: a buffered body is one message, so a small window costs a
round trip of wake-ups for every 64 KiB of it."""


def upstream_clusters(snapshot: Snapshot, options: Options) -> list[cluster.Cluster]:
    """One cluster for each upstream that a rule can reach."""
    return [upstream_cluster(one, options, buffer_limit=snapshot.buffer_limit) for one in snapshot.upstreams]


def upstream_cluster(upstream: Upstream, options: Options, *, buffer_limit: int) -> cluster.Cluster:
    """Where requests to one Backend go.

    HTTP/1.1, as AWS's own SDKs speak it: a stream then has a connection to itself, so neither a stalled
    stream nor a connection that breaks touches another one.
    """
    return cluster.Cluster(
        name=upstream.cluster,
        cluster_type=dns_discovery(upstream.addresses, one_service=len(upstream.addresses) == 1),
        connect_timeout=CONNECT_TIMEOUT,
        per_connection_buffer_limit_bytes=buffer_limit,
        load_assignment=load_assignment(upstream.cluster, upstream.addresses, hostname=upstream.host),
        circuit_breakers=circuit_breakers(options.max_streams),
        upstream_connection_options=_keepalive(),
        transport_socket=upstream_tls(upstream.tls, options.ca_file) if upstream.tls else None,
        typed_extension_protocol_options=_protocol(_http1()),
    )


def processor_cluster(options: Options, *, buffer_limit: int) -> cluster.Cluster:
    """The processor: gRPC over HTTP/2, in clear unless the options say otherwise, one endpoint per worker."""
    return cluster.Cluster(
        name=PROCESSOR_CLUSTER,
        cluster_type=dns_discovery(options.processors, one_service=False),
        connect_timeout=CONNECT_TIMEOUT,
        per_connection_buffer_limit_bytes=buffer_limit,
        # Streams last as long as their answers: the worker with the fewest open ones takes the next.
        lb_policy=cluster.ClusterLbPolicy.LEAST_REQUEST,
        load_assignment=load_assignment(PROCESSOR_CLUSTER, options.processors),
        circuit_breakers=circuit_breakers(options.max_streams),
        transport_socket=processor_tls(options.processor_tls) if options.processor_tls else None,
        typed_extension_protocol_options=_protocol(_http2(options)),
    )


def circuit_breakers(max_streams: int) -> cluster.CircuitBreakers:
    """Explicit limits instead of the 1,024 that Envoy assumes; retries are a share of what is running."""
    return cluster.CircuitBreakers(
        thresholds=[
            cluster.CircuitBreakersThresholds(
                max_connections=max_streams,
                max_pending_requests=max_streams,
                max_requests=max_streams,
                retry_budget=cluster.CircuitBreakersThresholdsRetryBudget(
                    budget_percent=type_v3.Percent(value=20), min_retry_concurrency=16
                ),
            )
        ]
    )


def _keepalive() -> cluster.UpstreamConnectionOptions:
    """Probes that keep a silent, thinking model's connection known to NAT gateways (350 s at AWS)."""
    return cluster.UpstreamConnectionOptions(
        tcp_keepalive=core.TcpKeepalive(keepalive_time=60, keepalive_interval=10, keepalive_probes=6)
    )


def _protocol(options: http.HttpProtocolOptions) -> dict[str, Any]:
    return {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": Any.pack(options)}


def _http1() -> http.HttpProtocolOptions:
    return http.HttpProtocolOptions(
        common_http_protocol_options=core.HttpProtocolOptions(idle_timeout=UPSTREAM_IDLE),
        explicit_http_config=http.HttpProtocolOptionsExplicitHttpConfig(
            http_protocol_options=core.Http1ProtocolOptions()
        ),
    )


def _http2(options: Options) -> http.HttpProtocolOptions:
    return http.HttpProtocolOptions(
        common_http_protocol_options=core.HttpProtocolOptions(
            max_requests_per_connection=options.max_requests_per_processor_connection
        ),
        explicit_http_config=http.HttpProtocolOptionsExplicitHttpConfig(
            http2_protocol_options=core.Http2ProtocolOptions(
                initial_stream_window_size=STREAM_WINDOW, initial_connection_window_size=4 * STREAM_WINDOW
            )
        ),
    )
