"""Compilation of Backends into upstreams: addresses, TLS and HTTP host of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aigw_extproc.aws.names import AWS_SUFFIXES, host_region
from aigw_extproc.config.resources.catalog import Catalog, Item, Key
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import (
    BackendEndpoint,
    BackendResource,
    BackendTLSPolicy,
    BackendTLSPolicyAlpha2,
)
from aigw_extproc.config.resources.names import is_hostname, is_ip
from aigw_extproc.config.snapshot import Address, Tls, Upstream

_PLAIN_PORT: Final = 80
_TLS_PORT: Final = 443
# Names that AWS gives to load balancers, PrivateLink endpoints and gateways of its customers.
_PROXY: Final = re.compile(r"\.(?:elb|vpce|execute-api|compute|compute-1)\.|\.compute\.internal$")
_AWS_DOMAINS: Final = tuple(f".{suffix}" for suffix in AWS_SUFFIXES)


def compile_upstreams(catalog: Catalog, tls: Mapping[Key, Tls | None]) -> dict[Key, Upstream]:
    """Return an upstream for each valid Backend, with the TLS of the policy attached to it."""
    if catalog.complete_for(BackendTLSPolicy, BackendTLSPolicyAlpha2):
        _check_aws_tls(catalog, tls)
    compiled = ((item.key, _upstream(item, tls.get(item.key))) for item in catalog.all(BackendResource))
    return {key: upstream for key, upstream in compiled if upstream is not None}


def hosts(endpoints: tuple[BackendEndpoint, ...], tls: Tls | None) -> tuple[str, ...]:
    """Return the distinct HTTP hosts of a Backend's endpoints, in order; a signature covers exactly one."""
    return tuple(dict.fromkeys(_host(endpoint, tls) for endpoint in endpoints))


def authority(host: str, port: int, *, tls: bool) -> str:
    """Return the HTTP host for a name or address and a port, which is omitted if it is the scheme's default."""
    # https://www.rfc-editor.org/rfc/rfc9110#section-7.2
    name = f"[{host}]" if ":" in host else host
    return name if port == (_TLS_PORT if tls else _PLAIN_PORT) else f"{name}:{port}"


def _check_aws_tls(catalog: Catalog, tls: Mapping[Key, Tls | None]) -> None:
    for item in catalog.all(BackendResource):
        names = [endpoint.fqdn.hostname for endpoint in item.resource.spec.endpoints if endpoint.fqdn]
        if item.key not in tls and any(name.lower().endswith(_AWS_DOMAINS) for name in names):
            item.place.problem("AWS requires TLS; attach a BackendTLSPolicy to this Backend")


def _upstream(item: Item[BackendResource], tls: Tls | None) -> Upstream | None:
    spec, place = item.resource.spec, item.place.field("spec")
    if spec.type != "Endpoints":
        place.field("type").problem(f"{spec.type} is not supported yet; list the endpoints")
        return None
    if not spec.endpoints:
        place.field("endpoints").problem("must name at least one endpoint")
        return None
    addresses = [
        _address(endpoint, place.field("endpoints").item(index)) for index, endpoint in enumerate(spec.endpoints)
    ]
    valid = tuple(address for address in addresses if address is not None)
    if len(valid) < len(addresses):
        return None
    names = hosts(spec.endpoints, tls)
    return Upstream(cluster=f"{item.namespace}/{item.name}", host=names[0], addresses=valid, tls=tls)


def _address(endpoint: BackendEndpoint, place: Place) -> Address | None:
    if endpoint.hostname is not None and not is_hostname(endpoint.hostname):
        place.field("hostname").problem(f"{place.show(endpoint.hostname)} is not a DNS name")
        return None
    match endpoint.fqdn, endpoint.ip:
        case None, None:
            place.problem("must have fqdn or ip")
        case fqdn, None if fqdn is not None:
            if is_hostname(fqdn.hostname):
                _warn_of_another_service(fqdn.hostname.lower(), place.field("fqdn.hostname"))
                return Address(host=fqdn.hostname.lower(), port=fqdn.port)
            hint = "; an IP address belongs in ip.address" if is_ip(fqdn.hostname) else ", such as api.example.com"
            place.field("fqdn.hostname").problem(f"{place.show(fqdn.hostname)} is not a DNS name{hint}")
        case None, ip if ip is not None:
            if is_ip(ip.address):
                return Address(host=ip.address, port=ip.port)
            place.field("ip.address").problem(f"{place.show(ip.address)} is not an IP address")
        case _:
            place.problem("must have fqdn or ip, not both")
    return None


def _warn_of_another_service(host: str, place: Place) -> None:
    if host.endswith(_AWS_DOMAINS) and host_region(host) is None and not _PROXY.search(host):
        place.warn("a host of AWS, but not Bedrock's; models are at bedrock-runtime.REGION.amazonaws.com")


def _host(endpoint: BackendEndpoint, tls: Tls | None) -> str:
    if endpoint.fqdn is not None:
        name, port = endpoint.fqdn.hostname.lower(), endpoint.fqdn.port
    elif endpoint.ip is not None:
        # A server at an IP address has the name in its certificate.
        name, port = tls.server_name if tls else endpoint.ip.address, endpoint.ip.port
    else:
        return ""
    return authority((endpoint.hostname or name).lower(), port, tls=tls is not None)
