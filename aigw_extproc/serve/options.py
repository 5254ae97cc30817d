"""The options of `serve`."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from aigw_extproc.config.snapshot import Address
from aigw_extproc.kubernetes.options import KubernetesOptions
from aigw_extproc.serve.source import ConfigurationSource
from aigw_extproc.store.options import StoreOptions
from aigw_extproc.tracing.options import TraceOptions

if TYPE_CHECKING:
    from aigw_extproc.extproc.tls import ServerTls
    from aigw_extproc.extproc.transport import Transport

ADMIN = Address(host="127.0.0.1", port=1064)
"""Default address of the operator's port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Options of the processor."""

    source: ConfigurationSource
    kubernetes: KubernetesOptions | None = None
    """What to read from the Kubernetes API into the file of the source; None if another process does, or none."""
    listen: str
    """`unix:///absolute/path` or `HOST:PORT`. Worker n > 0 adds `-n` to a unix path; on TCP all share the port."""
    admin: Address | None = None
    """The operator's port; None for none."""
    envoy_admin: Path | None = None
    """The socket of an Envoy's admin interface, without which `/readyz` is not ready; None for none."""
    workers: int = 1
    transport: Transport = "http2"
    """The server of the ext_proc streams."""
    tls: ServerTls | None = None
    """The server's certificate; None for cleartext."""
    allowed_hosts: tuple[str, ...] = ()
    """The hosts of requests, besides those of rules; empty for any."""
    exposed: bool = False
    """Whether clients beyond this machine can connect to the Envoy that it serves; known with `run` only."""
    insecure: bool = False
    """Whether the operator knows that everyone who can connect is served."""
    body_budget: int
    """Bytes of request bodies that each worker may hold."""
    store: StoreOptions | None = None
    """Where responses are kept; None if they are not."""
    limits: str | None = None
    """Where the ledger of limits is: a path, or the URL of a Redis server; None for none, without which a configuration
    with limits is refused."""
    ready_needs_credentials: bool = False
    """Whether `/readyz` is not ready before credentials of one source at least were usable."""
    drain_seconds: float = 30.0
    """How long exchanges may take to end after SIGTERM."""
    reload_lag: float = 0.0
    """Seconds between reading a valid change and applying it, so that Envoy has a new cluster first."""
    otlp: str | None = None
    """The URL that `traces` is made of."""
    traces: TraceOptions | None = None
    """Where spans are sent; None for none."""
    trace_upstream: bool = False
    """Whether upstreams get the context of a trace."""
    page: bool = True
    """Whether the operator's port has the page, where it may."""
    page_token: Path | None = None
    """The file of the token without which the page is for this machine alone."""
    gateway: str = ""
    """The URL at which clients connect to Envoy, for the page's playground; empty if it is not known."""
    record_traffic: bool = False
    """Whether this process keeps the last exchanges for the page of another one."""
    log_level: str = "info"
    """The lowest level that is logged; workers get the same."""

    @property
    def shows_page(self) -> bool:
        """Whether the operator's port has the page. Where others can reach the port, only a token opens it."""
        return self.page and self.admin is not None and (self.page_token is not None or is_loopback(self.admin.host))

    @property
    def listens_openly(self) -> bool:
        """Whether other machines can connect, without TLS that asks for their certificate."""
        authenticated = self.tls is not None and self.tls.client_ca is not None
        return not authenticated and not self.listen.startswith("unix:") and not is_loopback(_host(self.listen))


def _host(listen: str) -> str:
    return listen.rpartition(":")[0].strip("[]")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can connect to a server on `host`, a name or an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
