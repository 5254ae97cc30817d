"""A whole Envoy configuration from a snapshot, and its text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import yaml
from betterproto2 import Casing, Message
from envoy_data_plane.envoy.config.bootstrap import v3 as bootstrap
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.overload import v3 as overload
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections import v3 as connections
from envoy_data_plane.envoy.service.discovery import v3 as discovery
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.envoy.addresses import address
from aigw_extproc.envoy.clusters import processor_cluster, upstream_clusters
from aigw_extproc.envoy.listeners import gateway_listener
from aigw_extproc.envoy.options import ListenAddress, Options

NODE = "aigw"
"""What Envoy calls itself; without a name it reads no clusters from a file."""


def render(snapshot: Snapshot, options: Options) -> bootstrap.Bootstrap:
    """Everything that Envoy needs to serve `snapshot`, but for the clusters if `options` want them in a file."""
    limit = snapshot.buffer_limit
    upstreams = [] if options.clusters_file else upstream_clusters(snapshot, options)
    return bootstrap.Bootstrap(
        node=core.Node(id=NODE, cluster=NODE) if options.clusters_file else None,
        dynamic_resources=_from_file(options.clusters_file) if options.clusters_file else None,
        admin=_admin(options.admin) if options.admin else None,
        overload_manager=_overload_manager(options),
        static_resources=bootstrap.BootstrapStaticResources(
            listeners=[gateway_listener(options, buffer_limit=limit)],
            clusters=[processor_cluster(options, buffer_limit=limit), *upstreams],
        ),
    )


def render_clusters(snapshot: Snapshot, options: Options) -> discovery.DiscoveryResponse:
    """The content of `options.clusters_file`.

    https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/examples#dynamic
    """
    clusters = [Any.pack(one) for one in upstream_clusters(snapshot, options)]
    return discovery.DiscoveryResponse(resources=clusters)


def to_yaml(message: Message | Sequence[Message]) -> str:
    """A message, or a list of them, as the YAML that Envoy reads; fields in the order of Envoy's API."""
    return yaml.dump(_document(message), Dumper=_Dumper, sort_keys=False, width=110)


def to_json(message: Message) -> str:
    """A message as JSON, which Envoy reads as well, field names as in the YAML."""
    return json.dumps(_document(message), indent=2) + "\n"


def _document(message: Message | Sequence[Message]) -> object:
    if isinstance(message, Message):
        return message.to_dict(casing=Casing.SNAKE)
    return [_document(item) for item in message]


def _from_file(clusters: Path) -> bootstrap.BootstrapDynamicResources:
    source = core.PathConfigSource(path=str(clusters))
    return bootstrap.BootstrapDynamicResources(
        cds_config=core.ConfigSource(path_config_source=source, resource_api_version=core.ApiVersion.V3)
    )


class _Dumper(yaml.SafeDumper):
    """Writes lists indented and repeats what is repeated: people paste parts of the text."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _admin(where: ListenAddress) -> bootstrap.Admin:
    return bootstrap.Admin(address=address(where))


def _overload_manager(options: Options) -> overload.OverloadManager:
    """An explicit bound on connections: one client connection per stream is the most that HTTP/1.1 makes."""
    limit = connections.DownstreamConnectionsConfig(max_active_downstream_connections=options.max_streams)
    return overload.OverloadManager(
        resource_monitors=[
            overload.ResourceMonitor(
                name="envoy.resource_monitors.global_downstream_max_connections", typed_config=Any.pack(limit)
            )
        ]
    )
