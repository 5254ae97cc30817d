"""The services that Envoy asks about clients: those with the keys of tokens, and those that authorize."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from aigw_extproc.config.addresses import Address, Tls, Upstream
from aigw_extproc.config.compile.upstreams import authority
from aigw_extproc.config.resources.catalog import Catalog, Key
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import ENVOY_GATEWAY, BackendResource
from aigw_extproc.config.resources.names import is_hostname, is_ip
from aigw_extproc.config.resources.security import ServiceRef

_PORTS = {"http": 80, "https": 443}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedServices:
    """Where references to services lead."""

    catalog: Catalog
    backends: Mapping[Key, Upstream]
    tls: Mapping[Key, Tls | None]
    """The TLS of each Service that a BackendTLSPolicy is attached to."""

    def named(self, ref: ServiceRef, namespace: str, place: Place, *, http2: bool = False) -> Upstream | None:
        """Return the upstream of a Backend or Service; None, with the problem recorded, if there is none."""
        key = (ref.namespace or namespace, ref.name)
        if (ref.group, ref.kind) == (ENVOY_GATEWAY, "Backend"):
            if self.catalog.find(BackendResource, key, place.field("name")) is None or key not in self.backends:
                return None
            return _over(self.backends[key], http2=http2)
        if (ref.group or "", ref.kind or "Service") != ("", "Service"):
            place.field("kind").problem(f"must be Service or Backend (group {ENVOY_GATEWAY})")
            return None
        if ref.port is None:
            place.field("port").problem("required for a Service")
            return None
        if not self.catalog.permitted("Service", key, place.field("name")):
            return None
        return _over(self._service(key, ref.port), http2=http2)

    def _service(self, key: Key, port: int) -> Upstream:
        # https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#services
        host = f"{key[1]}.{key[0]}.svc"
        tls = self.tls.get(key)
        return Upstream(
            cluster=f"service/{key[0]}/{key[1]}:{port}",
            host=authority(tls.server_name if tls else host, port, tls=tls is not None),
            addresses=(Address(host=host, port=port),),
            tls=tls,
        )


def at_uri(uri: str, place: Place) -> Upstream | None:
    """Return the upstream of a URI, with the system's certificates for https; None if the URI cannot be used."""
    try:
        parts = urlsplit(uri)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        parts, port = urlsplit(""), None
    host = (parts.hostname or "").lower()
    if port is None or not (is_hostname(host) or is_ip(host)) or parts.username is not None:
        place.problem(f"must be a URI such as https://login.example.com/jwks.json, got {place.show(uri)}")
        return None
    secure = parts.scheme == "https"
    if not secure and host not in _LOOPBACK:
        place.warn("the keys are fetched without TLS: someone who can modify that traffic can forge tokens; use https")
    return Upstream(
        cluster=f"{parts.scheme}/{host}:{port}",
        host=authority(host, port, tls=secure),
        addresses=(Address(host=host, port=port),),
        tls=Tls(server_name=host) if secure else None,
    )


def only_ref(refs: tuple[ServiceRef, ...], place: Place) -> ServiceRef | None:
    """Return the reference; None, with the problem recorded, if there is not exactly one."""
    if len(refs) == 1:
        return refs[0]
    place.problem(f"must name exactly one service, got {len(refs)}")
    return None


def _over(upstream: Upstream, *, http2: bool) -> Upstream:
    return replace(upstream, cluster=f"grpc/{upstream.cluster}", http2=True) if http2 else upstream
