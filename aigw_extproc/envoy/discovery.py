"""How Envoy finds the addresses behind a cluster's names."""

from __future__ import annotations

from collections.abc import Sequence

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.extensions.clusters.common.dns.v3 import DnsLookupFamily
from envoy_data_plane.envoy.extensions.clusters.dns import v3 as dns
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.addresses import is_ip
from aigw_extproc.envoy.options import ListenAddress


def dns_discovery(endpoints: Sequence[ListenAddress], *, one_service: bool) -> cluster.ClusterCustomClusterType | None:
    """Resolution of names, or None for IP addresses and sockets alone: Envoy's default, a STATIC cluster.

    `one_service` says that there is a single name, whose addresses rotate as AWS's do: connections to earlier
    addresses then live on, and a new one tries both IP families. Otherwise each address that a name has is an
    endpoint of its own, to balance over.

    https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/clusters/dns/v3/dns_cluster.proto
    """
    if not any(_is_name(where) for where in endpoints):
        return None
    config = dns.DnsCluster(
        respect_dns_ttl=True,
        # As endpoints of their own, IPv6 addresses would fail wherever the network has no IPv6.
        dns_lookup_family=DnsLookupFamily.ALL if one_service else DnsLookupFamily.V4_PREFERRED,
        all_addresses_in_single_endpoint=one_service,
    )
    return cluster.ClusterCustomClusterType(name="envoy.cluster.dns", typed_config=Any.pack(config))


def _is_name(where: ListenAddress) -> bool:
    return isinstance(where, Address) and not is_ip(where.host)
