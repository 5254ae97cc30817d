"""Envoy's options beyond the resource files, default addresses, and the syntax of addresses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aigw_extproc.config.snapshot import Address
from aigw_extproc.tracing.options import TraceOptions

ListenAddress = Address | Path
"""A TCP address, or the path of a unix socket."""

GATEWAY = Address(host="127.0.0.1", port=1975)
PROCESSOR = Address(host="127.0.0.1", port=1063)
SIMULATOR = Address(host="127.0.0.1", port=8091)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorTls:
    """TLS from Envoy to the processor. The files are on Envoy's machine, and not read here."""

    ca: Path
    """Authorities of the processor's certificate."""
    name: str
    """A subject alternative name of that certificate: DNS or an IP address."""
    certificate: Path | None = None
    """Envoy's client certificate, if the processor requires one."""
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The part of Envoy's configuration that is not in the snapshot."""

    listen: Address = GATEWAY
    """The address for clients."""
    processors: tuple[ListenAddress, ...] = (PROCESSOR,)
    """The processor's addresses, one per worker; Envoy balances over them."""
    processor_tls: ProcessorTls | None = None
    """None for cleartext."""
    admin: ListenAddress | None = None
    """Envoy's admin interface; None for none. Any client that can connect to it can stop Envoy."""
    ca_file: Path | None = None
    """Authorities for upstreams whose policy has none; None to search the paths of distributions."""
    clusters_file: Path | None = None
    """The file from which Envoy loads the upstreams' clusters, again whenever it is replaced; None to have them in the
    configuration."""
    routes_file: Path | None = None
    """The file from which Envoy loads its route, with the filters about clients, again whenever it is replaced; None to
    have them in the configuration."""
    access_log: bool = True
    """One JSON line per request on standard output, without credentials or bodies."""
    traces: TraceOptions | None = None
    """Where Envoy sends its spans; None for none."""
    message_timeout: timedelta = timedelta(seconds=10)
    """The processor's time for one message."""
    max_message_timeout: timedelta = timedelta(minutes=2)
    """The most that the processor can extend it to, for a request that becomes a batch."""
    idle_timeout: timedelta = timedelta(minutes=5)
    """How long an exchange may be idle in both directions. Its total duration is not limited."""
    memory_limit: int | None = None
    """Bytes of memory that Envoy may use: near it, Envoy refuses requests. None for no limit."""
    max_streams: int = 16_384
    """Concurrent exchanges per cluster. A stream counts until its last byte."""


def parse_address(text: str) -> ListenAddress:
    """Parse `unix:///run/aigw.sock`, `HOST:PORT` or `[IPV6]:PORT`.

    Raises:
        ValueError: it is none of these; the text names the valid forms.
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
