"""Envoy's addresses and endpoints."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint

from aigw_extproc.envoy.options import ListenAddress


def is_ip(host: str) -> bool:
    """Return whether `host` is an IP address rather than a name to resolve."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def envoy_address(address: ListenAddress) -> core.Address:
    """Return a pipe for a unix socket, a socket address for TCP."""
    if isinstance(address, Path):
        return core.Address(pipe=core.Pipe(path=str(address)))
    return core.Address(socket_address=core.SocketAddress(address=address.host, port_value=address.port))


def load_assignment(
    cluster: str, addresses: tuple[ListenAddress, ...], *, hostname: str = ""
) -> endpoint.ClusterLoadAssignment:
    """Return a cluster's endpoints, in one locality. `auto_host_rewrite` sends `hostname` as Host."""
    members = [
        endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=envoy_address(address), hostname=hostname))
        for address in addresses
    ]
    return endpoint.ClusterLoadAssignment(
        cluster_name=cluster, endpoints=[endpoint.LocalityLbEndpoints(lb_endpoints=members)]
    )
