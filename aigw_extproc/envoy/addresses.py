"""Addresses and endpoints in Envoy's terms."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint

from aigw_extproc.envoy.options import ListenAddress


def is_ip(host: str) -> bool:
    """Whether `host` is an IP address rather than a name to resolve."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def address(where: ListenAddress) -> core.Address:
    """A unix socket as a pipe, anything else as a TCP address or name."""
    if isinstance(where, Path):
        return core.Address(pipe=core.Pipe(path=str(where)))
    return core.Address(socket_address=core.SocketAddress(address=where.host, port_value=where.port))


def load_assignment(
    cluster: str, endpoints: tuple[ListenAddress, ...], *, hostname: str = ""
) -> endpoint.ClusterLoadAssignment:
    """All endpoints of a cluster in one locality; `hostname` is what `auto_host_rewrite` sends as Host."""
    members = [
        endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=address(where), hostname=hostname))
        for where in endpoints
    ]
    return endpoint.ClusterLoadAssignment(
        cluster_name=cluster, endpoints=[endpoint.LocalityLbEndpoints(lb_endpoints=members)]
    )
