"""The options of `serve`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aigw_extproc.config.snapshot import Address
from aigw_extproc.serve.source import ConfigurationSource

if TYPE_CHECKING:
    from aigw_extproc.extproc.tls import ServerTls
    from aigw_extproc.extproc.transport import Transport

ADMIN = Address(host="127.0.0.1", port=1064)
"""Default address of the operator's port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Options of the processor."""

    source: ConfigurationSource
    listen: str
    """`unix:///absolute/path` or `HOST:PORT`. Worker n > 0 adds `-n` to a unix path; on TCP all share the port."""
    admin: Address | None = None
    """The operator's port; None for none."""
    envoy_admin: Path | None = None
    """The socket of an Envoy's admin interface, without which `/readyz` is not ready; None for none."""
    workers: int = 1
    transport: Transport = "grpc"
    """The server of the ext_proc streams."""
    tls: ServerTls | None = None
    """The server's certificate; None for cleartext."""
    body_budget: int
    """Bytes of request bodies that each worker may hold."""
    drain_seconds: float = 30.0
    """How long exchanges may take to end after SIGTERM."""
    reload_lag: float = 0.0
    """Seconds between reading a valid change and applying it, so that Envoy has a new cluster first."""
    log_level: str = "info"
    """The lowest level that is logged; workers get the same."""
