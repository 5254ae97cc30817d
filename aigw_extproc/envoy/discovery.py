"""How Envoy resolves the names of a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.extensions.clusters.common.dns.v3 import DnsLookupFamily
from envoy_data_plane.envoy.extensions.clusters.dns import v3 as dns
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.addresses import is_ip
from aigw_extproc.envoy.options import ListenAddress


def dns_discovery(addresses: Sequence[ListenAddress], *, one_service: bool) -> cluster.ClusterCustomClusterType | None:
    """Return a DNS cluster type, or None (a STATIC cluster) if all are IP addresses and sockets.

    With `one_service` there is a single name whose addresses rotate, as AWS's do: connections to earlier addresses are
    kept, and a new one tries both IP families. Otherwise each address of a name is an endpoint to balance over.

    https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/clusters/dns/v3/dns_cluster.proto
    """
    if not any(_is_name(address) for address in addresses):
        return None
    config = dns.DnsCluster(
        respect_dns_ttl=True,
        # An IPv6 address as a separate endpoint would fail in a network without IPv6.
        dns_lookup_family=DnsLookupFamily.ALL if one_service else DnsLookupFamily.V4_PREFERRED,
        all_addresses_in_single_endpoint=one_service,
    )
    return cluster.ClusterCustomClusterType(name="envoy.cluster.dns", typed_config=Any.pack(config))


def _is_name(address: ListenAddress) -> bool:
    return isinstance(address, Address) and not is_ip(address.host)
