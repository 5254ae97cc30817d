"""Envoy's own spans: of a request, of its attempts, and of the calls of the processor, which continues their trace.

https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/observability/tracing
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.trace import v3 as trace
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.type import v3 as type_v3
from envoy_data_plane.envoy.type.tracing import v3 as tracing_v3
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import Address, Tls, Upstream
from aigw_extproc.envoy.access_log import FIELDS, PATH_STATE
from aigw_extproc.envoy.clusters import upstream_cluster
from aigw_extproc.envoy.options import Options

CLUSTER: Final = "aigw-otlp"
_TIMEOUT: Final = timedelta(seconds=10)
_TAGS: Final = {
    "http.url": f"%FILTER_STATE({PATH_STATE}:PLAIN)%",  # Envoy's own has the query, which may hold secrets
    "aigw.client": FIELDS["api_client"],
    "gen_ai.request.model": FIELDS["model"],
}


def tracing(options: Options) -> hcm.HttpConnectionManagerTracing | None:
    """Return a connection manager's tracing, if there is any.

    Envoy's context is not sent to upstreams: the processor does so where it is wanted. The processor's call has it.
    """
    if options.traces is None:
        return None
    where = core.HttpUri(uri=options.traces.url, cluster=CLUSTER, timeout=_TIMEOUT)
    provider = trace.OpenTelemetryConfig(
        http_service=core.HttpService(http_uri=where), service_name=options.traces.service_name
    )
    return hcm.HttpConnectionManagerTracing(
        provider=trace.TracingHttp(name="envoy.tracers.opentelemetry", typed_config=Any.pack(provider)),
        random_sampling=type_v3.Percent(value=100 * options.traces.ratio),
        spawn_upstream_span=True,
        no_context_propagation=True,
        custom_tags=[tracing_v3.CustomTag(tag=tag, value=value) for tag, value in _TAGS.items()],
    )


def collector_cluster(options: Options, *, buffer_limit: int) -> list[cluster.Cluster]:
    """Return the cluster of the collector, if there is one."""
    if options.traces is None:
        return []
    host = options.traces.host
    collector = Upstream(
        cluster=CLUSTER,
        host=host,
        addresses=(Address(host=host, port=options.traces.port),),
        tls=Tls(server_name=host) if options.traces.tls else None,
    )
    return [upstream_cluster(collector, options, buffer_limit=buffer_limit)]
