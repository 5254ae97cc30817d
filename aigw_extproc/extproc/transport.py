"""What `processor`, `server` and the two transports share: protocols, and names and limits of the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
MAX_MESSAGE_BYTES = 512 * 1024 * 1024
"""A buffered body is one message. Envoy's own buffer limit is far lower."""
SOCKET_MODE = 0o660
"""Any process that can connect can have requests signed: allow the owner and the group only."""

Transport = Literal["http2", "grpc"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)
FORMER_TRANSPORTS: dict[str, Transport] = {"h2corn": "http2"}
"""Names that still work, until the next minor version."""

Send = Callable[[bytes], Awaitable[None]]
"""Sends one serialised message to Envoy."""


class Stream(Protocol):
    """The server's side of one ext_proc stream. Messages are serialised `ProcessingRequest`s and `-Response`s."""

    over: bool
    """True after the last answer: the server then ends the stream, so that Envoy need not reset it."""

    def answer(self, message: bytes) -> Coroutine[Any, Any, bytes]:
        """Return the answer to Envoy's next message; empty if Envoy is not to get one yet.

        Until it first waits, the coroutine may run outside of a task: most answers need none. So what needs a task,
        such as `asyncio.timeout`, has to be awaited in one of its own.
        """
        ...

    def close(self) -> None:
        """Release the stream after its end, on whichever side it ended. Called once."""
        ...


class Streams(Protocol):
    """A factory of streams."""

    def open(self, send: Send, traceparent: str = "") -> Stream:
        """Open a stream. `send` sends messages that precede an answer.

        `traceparent` is the trace that the call belongs to: https://www.w3.org/TR/trace-context/#traceparent-header
        """
        ...


class Server(Protocol):
    """A listening server with gRPC's health service."""

    async def start(self) -> None:
        """Accept streams, and report SERVING in the health service.

        Raises:
            OSError: the address cannot be used.
        """
        ...

    def listens(self) -> bool:
        """Return whether new connections still reach the server, as far as it can tell."""
        ...

    async def drain(self) -> None:
        """Refuse new streams, wait up to the grace period for open ones to end, then close them."""
        ...


def unix_path(listen: str) -> Path | None:
    """Return the path of a unix socket's address, or None for TCP."""
    return Path(listen.removeprefix("unix://").removeprefix("unix:")) if listen.startswith("unix:") else None
