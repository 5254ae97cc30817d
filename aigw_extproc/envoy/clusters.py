"""Clusters: one per upstream of the snapshot, and one for the processor."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as http
from envoy_data_plane.envoy.type import v3 as type_v3
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.cluster_names import plain_name
from aigw_extproc.config.snapshot import Snapshot, Upstream
from aigw_extproc.envoy.addresses import dns_discovery, load_assignment
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.tls import processor_tls, upstream_tls

PROCESSOR_CLUSTER = "aigw-extproc"
CONNECT_TIMEOUT = timedelta(seconds=10)
UPSTREAM_IDLE = timedelta(seconds=50)
"""Below 60 s, when load balancers commonly close idle connections: reuse would race with that."""
STREAM_WINDOW = 16 * 1024 * 1024
"""HTTP/2 flow-control window to the processor. A buffered body is one message, and with the default window every 64 KiB
of it cost a round trip."""


def upstream_clusters(snapshot: Snapshot, options: Options) -> list[cluster.Cluster]:
    """Return a cluster for each upstream of the snapshot, and each service that Envoy asks about clients."""
    clusters = {one.cluster: one for one in (*snapshot.upstreams, *snapshot.services)}
    return [upstream_cluster(one, options, buffer_limit=snapshot.buffer_limit) for one in clusters.values()]


def upstream_cluster(upstream: Upstream, options: Options, *, buffer_limit: int) -> cluster.Cluster:
    """Return the cluster of a Backend.

    It uses HTTP/1.1, as AWS's SDKs do, and HTTP/2 for gRPC only. With HTTP/1.1 each stream has its own connection, so
    that a stalled stream or a broken connection does not affect others.
    """
    return cluster.Cluster(
        name=upstream.cluster,
        alt_stat_name=alt_stat_name(upstream.cluster),
        cluster_type=dns_discovery(upstream.addresses, one_service=len(upstream.addresses) == 1),
        connect_timeout=_delta(upstream.connections.connect_timeout) or CONNECT_TIMEOUT,
        per_connection_buffer_limit_bytes=buffer_limit,
        load_assignment=load_assignment(upstream.cluster, upstream.addresses, hostname=upstream.host),
        circuit_breakers=circuit_breakers(options.max_streams),
        upstream_connection_options=_keepalive(),
        transport_socket=_tls(upstream, options),
        typed_extension_protocol_options=protocol(_grpc() if upstream.http2 else _http1(upstream)),
    )


def processor_cluster(options: Options, *, buffer_limit: int) -> cluster.Cluster:
    """Return the processor's cluster: gRPC over HTTP/2, cleartext by default, with an endpoint per worker."""
    return cluster.Cluster(
        name=PROCESSOR_CLUSTER,
        cluster_type=dns_discovery(options.processors, one_service=False),
        connect_timeout=CONNECT_TIMEOUT,
        per_connection_buffer_limit_bytes=buffer_limit,
        # Streams last as long as their answers, so balance by open streams.
        lb_policy=cluster.ClusterLbPolicy.LEAST_REQUEST,
        load_assignment=load_assignment(PROCESSOR_CLUSTER, options.processors),
        circuit_breakers=circuit_breakers(options.max_streams),
        transport_socket=processor_tls(options.processor_tls) if options.processor_tls else None,
        typed_extension_protocol_options=protocol(_http2()),
    )


def alt_stat_name(name: str) -> str:
    """Return the name of a cluster in statistics and logs, if that is another one."""
    plain = plain_name(name)
    return "" if plain == name else plain


def _tls(upstream: Upstream, options: Options) -> core.TransportSocket | None:
    if upstream.tls is None:
        return None
    return upstream_tls(upstream.tls, options.ca_file, alpn="h2" if upstream.http2 else "http/1.1")


def circuit_breakers(max_streams: int) -> cluster.CircuitBreakers:
    """Return explicit limits, instead of Envoy's default of 1,024, and a retry budget."""
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
    """Send probes while a model thinks, since NAT gateways drop silent connections (AWS's after 350 s)."""
    return cluster.UpstreamConnectionOptions(
        tcp_keepalive=core.TcpKeepalive(keepalive_time=60, keepalive_interval=10, keepalive_probes=6)
    )


def protocol(options: http.HttpProtocolOptions) -> dict[str, Any]:
    """Return the options of a cluster's HTTP."""
    return {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": Any.pack(options)}


def http1() -> http.HttpProtocolOptionsExplicitHttpConfig:
    """Return the choice of HTTP/1.1."""
    return http.HttpProtocolOptionsExplicitHttpConfig(http_protocol_options=core.Http1ProtocolOptions())


def _http1(upstream: Upstream) -> http.HttpProtocolOptions:
    limits = upstream.connections
    common = core.HttpProtocolOptions(
        idle_timeout=_delta(limits.idle_timeout) or UPSTREAM_IDLE,
        max_connection_duration=_delta(limits.max_duration),
        max_requests_per_connection=limits.max_requests,
    )
    return http.HttpProtocolOptions(common_http_protocol_options=common, explicit_http_config=http1())


def _delta(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _grpc() -> http.HttpProtocolOptions:
    return http.HttpProtocolOptions(
        explicit_http_config=http.HttpProtocolOptionsExplicitHttpConfig(
            http2_protocol_options=core.Http2ProtocolOptions()
        )
    )


def _http2() -> http.HttpProtocolOptions:
    return http.HttpProtocolOptions(
        explicit_http_config=http.HttpProtocolOptionsExplicitHttpConfig(
            http2_protocol_options=core.Http2ProtocolOptions(
                initial_stream_window_size=STREAM_WINDOW, initial_connection_window_size=4 * STREAM_WINDOW
            )
        ),
    )
