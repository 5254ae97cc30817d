"""What an operator may choose about Envoy beyond the resource files, and how addresses are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aigw_extproc.config.snapshot import Address

ListenAddress = Address | Path
"""A TCP address, or the path of a unix socket."""

GATEWAY = Address(host="127.0.0.1", port=1975)
PROCESSOR = Address(host="127.0.0.1", port=1063)
SIMULATOR = Address(host="127.0.0.1", port=8091)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorTls:
    """How Envoy reaches the processor over TLS. The files are where Envoy is; nothing here reads them."""

    ca: Path
    """Authorities that vouch for the processor."""
    name: str
    """A subject alternative name of its certificate: DNS or an IP address."""
    certificate: Path | None = None
    """Envoy's own, where the processor asks for one; None for none."""
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything about Envoy's configuration that does not come from the snapshot."""

    listen: Address = GATEWAY
    """Where clients connect."""
    processors: tuple[ListenAddress, ...] = (PROCESSOR,)
    """The processor's listening sockets, one per worker; Envoy balances over them."""
    processor_tls: ProcessorTls | None = None
    """None for cleartext."""
    admin: ListenAddress | None = None
    """Envoy's own admin interface; None for none. Whoever reaches it can stop Envoy."""
    ca_file: Path | None = None
    """Certificates that vouch for upstreams without their own; None to look where distributions keep them."""
    clusters_file: Path | None = None
    """Where Envoy reads the upstreams' clusters from, and reads them again when the file is replaced. None to have
    them in the configuration itself."""
    access_log: bool = True
    """One JSON line per request on standard output, without credentials or bodies."""
    message_timeout: timedelta = timedelta(seconds=10)
    """How long the processor may take over one message."""
    max_message_timeout: timedelta = timedelta(minutes=2)
    """How long it may ask for instead: a request that becomes several takes as long as these."""
    idle_timeout: timedelta = timedelta(minutes=5)
    """How long an exchange may stand still in both directions; there is no limit on its whole length."""
    max_streams: int = 16_384
    """Exchanges at a time, per cluster: every open stream holds one place until its last byte."""
    max_requests_per_processor_connection: int = 150
    """Exchanges after which a connection to the processor is replaced. Each ends in a reset, since the processor ends
    its stream first, and the transport h2corn closes a connection that has seen 200 of them in ten seconds."""


def parse_address(text: str) -> ListenAddress:
    """`unix:///run/aigw.sock`, `HOST:PORT` or `[IPV6]:PORT` as an endpoint.

    Raises:
        ValueError: it is none of these; the text says what would be right.
    """
    if text.startswith("unix:"):
        return _unix(text)
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not an address: write HOST:PORT or unix:///PATH")
    return Address(host=host.strip("[]"), port=int(port))


def _unix(text: str) -> Path:
    path = Path(text.removeprefix("unix:").removeprefix("//"))
    if not path.is_absolute():
        raise ValueError(f"{text!r} is not an address: the path of a unix socket must be absolute")
    return path
