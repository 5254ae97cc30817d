"""Envoy's addresses and endpoints, and how it resolves their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.extensions.clusters.common.dns.v3 import DnsLookupFamily
from envoy_data_plane.envoy.extensions.clusters.dns import v3 as dns
from envoy_data_plane.google.protobuf import Any

from aigw_extproc.config.resources.names import is_ip
from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.options import ListenAddress


def envoy_address(address: ListenAddress) -> core.Address:
    """Return a pipe for a unix socket, a socket address for TCP."""
    if isinstance(address, Path):
        return core.Address(pipe=core.Pipe(path=str(address)))
    return core.Address(socket_address=core.SocketAddress(address=address.host, port_value=address.port))


def load_assignment(
    name: str, addresses: tuple[ListenAddress, ...], *, hostname: str = ""
) -> endpoint.ClusterLoadAssignment:
    """Return a cluster's endpoints, in one locality. `auto_host_rewrite` sends `hostname` as Host."""
    members = [
        endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=envoy_address(address), hostname=hostname))
        for address in addresses
    ]
    return endpoint.ClusterLoadAssignment(
        cluster_name=name, endpoints=[endpoint.LocalityLbEndpoints(lb_endpoints=members)]
    )


def from_file(file: Path) -> core.ConfigSource:
    """Return a source of configuration that Envoy reads again whenever another file is moved onto it."""
    return core.ConfigSource(
        path_config_source=core.PathConfigSource(path=str(file)), resource_api_version=core.ApiVersion.V3
    )


def dns_discovery(addresses: Sequence[ListenAddress], *, one_service: bool) -> cluster.ClusterCustomClusterType | None:
    """Return a DNS cluster type, or None (a STATIC cluster) if all are IP addresses and sockets.

    With `one_service` there is a single name whose addresses rotate, as AWS's do: connections to earlier addresses are
    kept, and a new one tries both IP families. Otherwise each address of a name is an endpoint to balance over.

    https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/clusters/dns/v3/dns_cluster.proto
    """
    if not any(isinstance(address, Address) and not is_ip(address.host) for address in addresses):
        return None
    config = dns.DnsCluster(
        respect_dns_ttl=True,
        # An IPv6 address as a separate endpoint would fail in a network without IPv6.
        dns_lookup_family=DnsLookupFamily.ALL if one_service else DnsLookupFamily.V4_PREFERRED,
        all_addresses_in_single_endpoint=one_service,
    )
    return cluster.ClusterCustomClusterType(name="envoy.cluster.dns", typed_config=Any.pack(config))
