"""What carries Envoy's streams: one interface, two transports.

`grpc` is gRPC's own implementation. `h2corn` is an HTTP/2 server in Rust that takes gRPC calls as ASGI requests: it
costs a fraction of the CPU, and it is young.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, Protocol, get_args

from aigw_extproc.extproc.tls import ServerTls

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
MAX_MESSAGE_BYTES = 512 * 1024 * 1024
"""A whole buffered body is one message; Envoy's own buffer limit bounds it long before."""
SOCKET_MODE = 0o660
"""Who can connect can have requests signed: the owner and the group, nobody else."""

Transport = Literal["grpc", "h2corn"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)


Send = Callable[[bytes], Awaitable[None]]
"""Sends one serialised message to Envoy."""


class Stream(Protocol):
    """One ext_proc stream, from the server's side. Messages are serialised `ProcessingRequest`s and `-Response`s."""

    over: bool
    """Set by the last answer: the server then ends the stream, so that Envoy need not reset it."""

    async def answer(self, message: bytes) -> bytes:
        """Takes Envoy's next message, and returns what it waits for."""
        ...

    def close(self) -> None:
        """The stream has ended, whoever ended it. Called once."""
        ...


class Streams(Protocol):
    """What answers streams."""

    def open(self, send: Send) -> Stream:
        """A stream has begun; `send` takes what has to be told before an answer."""
        ...


class Server(Protocol):
    """A listening server with gRPC's health service."""

    async def start(self) -> None:
        """Accepts streams, and says so in the health service.

        Raises:
            OSError: the address cannot be had.
        """
        ...

    async def drain(self) -> None:
        """Takes no new streams, gives those that are open the grace to end, then closes them."""
        ...


def create_server(
    transport: Transport, streams: Streams, listen: str, *, grace: float, tls: ServerTls | None = None
) -> Server:
    """A server for `listen`, `unix:///absolute/path` or `HOST:PORT`; some have their address before they start.
    `grace` is how many seconds open streams have to end once it drains.

    Raises:
        OSError: the address cannot be had, or a file of `tls` cannot be used.
        ModuleNotFoundError: the transport is not installed.
    """
    # Imported here: neither should cost a process that uses the other.
    if transport == "h2corn":
        from aigw_extproc.extproc.h2corn_server import H2cornServer

        return H2cornServer(streams, listen, grace=grace, tls=tls)
    from aigw_extproc.extproc.grpc_server import GrpcServer

    return GrpcServer(streams, listen, grace=grace, tls=tls)


def unix_path(listen: str) -> Path | None:
    """The path of a unix socket's address; None for TCP."""
    return Path(listen.removeprefix("unix://").removeprefix("unix:")) if listen.startswith("unix:") else None
