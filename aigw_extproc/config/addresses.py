"""Where Envoy connects, as immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field

from aigw_extproc.config.traffic import Connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS to the upstream."""

    server_name: str
    """SNI, and the name that the certificate must have."""
    ca_pem: str | None = None
    """Trusted certificates; None for the system's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where Envoy connects: a DNS name or an IP address."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `HOST:PORT` or `[IPV6]:PORT`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One Envoy cluster: a `Backend` resource with its TLS policy."""

    cluster: str
    """The cluster's name, `namespace/name` of the Backend."""
    host: str
    """The HTTP host of requests to it, which the signature covers."""
    addresses: tuple[Address, ...]
    tls: Tls | None = None
    connections: Connections = field(default_factory=Connections)
    http2: bool = False
