"""Renders a snapshot as Envoy's configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from functools import partial

import yaml
from betterproto2 import Message
from envoy_data_plane.envoy.config.bootstrap import v3 as bootstrap
from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.service.discovery import v3 as discovery
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.envoy.addresses import envoy_address, from_file
from aigw_extproc.envoy.attempts import attempts_listener, internal_listeners, needed, rule_cluster, rule_clusters
from aigw_extproc.envoy.clusters import processor_cluster, upstream_cluster, upstream_clusters
from aigw_extproc.envoy.listeners import gateway_listener
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.overload import overload_manager
from aigw_extproc.envoy.routes import route_configuration
from aigw_extproc.envoy.tracing import collector_cluster

_RESOURCES = "resources:\n"
NODE = "aigw"
"""Envoy's node id and cluster, which it needs to read clusters from a file."""


def render(snapshot: Snapshot, options: Options) -> bootstrap.Bootstrap:
    """Return Envoy's configuration for a snapshot; upstreams' clusters are omitted if `options` put them in a file."""
    attempts = [attempts_listener(snapshot, options)] if needed(snapshot, options) else []
    upstreams = [] if options.clusters_file else all_clusters(snapshot, options)
    return bootstrap.Bootstrap(
        node=core.Node(id=NODE, cluster=NODE) if options.clusters_file else None,
        dynamic_resources=bootstrap.BootstrapDynamicResources(cds_config=from_file(options.clusters_file))
        if options.clusters_file
        else None,
        admin=bootstrap.Admin(address=envoy_address(options.admin)) if options.admin else None,
        bootstrap_extensions=[internal_listeners()] if attempts else [],
        overload_manager=overload_manager(options),
        static_resources=bootstrap.BootstrapStaticResources(
            listeners=[gateway_listener(snapshot, options), *attempts],
            clusters=[
                processor_cluster(options, buffer_limit=snapshot.buffer_limit),
                *collector_cluster(options, buffer_limit=snapshot.buffer_limit),
                *upstreams,
            ],
        ),
    )


def all_clusters(snapshot: Snapshot, options: Options) -> list[cluster.Cluster]:
    """Return the clusters of upstreams, and of rules with failover."""
    return [*upstream_clusters(snapshot, options), *rule_clusters(snapshot, options)]


def render_clusters(snapshot: Snapshot, options: Options) -> discovery.DiscoveryResponse:
    """Return the content of `options.clusters_file`.

    https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/examples#dynamic
    """
    clusters = [Any.pack(one) for one in all_clusters(snapshot, options)]
    return discovery.DiscoveryResponse(resources=clusters)


class ClusterTexts:
    """The content of `options.clusters_file` for one configuration after another, each cluster rendered once.

    Rendering takes 15 ms a cluster. The clusters of rules are recognised by their names, which must be `by_content`.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._texts: dict[Hashable, str] = {}

    def render(self, snapshot: Snapshot) -> str:
        """Return the file's content, and forget the clusters that are not in it."""
        makers = self._makers(snapshot)
        self._texts = {key: self._texts.get(key) or _text(make) for key, make in makers.items()}
        return f"{_RESOURCES}{''.join(self._texts.values())}" if self._texts else to_yaml(discovery.DiscoveryResponse())

    def _makers(self, snapshot: Snapshot) -> dict[Hashable, Callable[[], cluster.Cluster]]:
        """Return what makes each cluster, by all that decides about it."""
        limit = snapshot.buffer_limit
        upstreams = {one.cluster: one for one in (*snapshot.upstreams, *snapshot.services)}
        makers: dict[Hashable, Callable[[], cluster.Cluster]] = {
            (one, limit): partial(upstream_cluster, one, self._options, buffer_limit=limit)
            for one in upstreams.values()
        }
        for rule in snapshot.failovers:
            if rule.failover is not None:
                key = (rule.failover.cluster, limit)
                makers[key] = partial(rule_cluster, rule, rule.failover, self._options, limit)
        return makers


def _text(make: Callable[[], cluster.Cluster]) -> str:
    return to_yaml(discovery.DiscoveryResponse(resources=[Any.pack(make())])).removeprefix(_RESOURCES)


def render_routes(snapshot: Snapshot) -> discovery.DiscoveryResponse:
    """Return the content of `options.routes_file`."""
    return discovery.DiscoveryResponse(resources=[Any.pack(route_configuration(snapshot))])


def to_yaml(message: Message | Sequence[Message]) -> str:
    """Return a message, or a list of them, as YAML for Envoy, with fields in the order of Envoy's API."""
    return yaml.dump(_document(message), Dumper=_Dumper, sort_keys=False, width=110)


def to_json(message: Message) -> str:
    """Return a message as JSON for Envoy, with the field names of the YAML."""
    return json.dumps(_document(message), indent=2) + "\n"


def _document(message: Message | Sequence[Message]) -> object:
    if isinstance(message, Message):
        # Casing.SNAKE would write consecutive_5xx as consecutive_5_xx.
        return message.to_dict(casing=str)  # type: ignore[arg-type] # any function of a name works
    return [_document(item) for item in message]


class _Dumper(yaml.SafeDumper):
    """A dumper that indents lists and writes no aliases, so that parts of the text can be copied."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)
