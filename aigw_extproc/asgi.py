"""An ASGI application inside an event loop that somebody else owns."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

GRACE_SECONDS = 1
"""How long a stop waits for answers that are being sent."""
KEEP_ALIVE_SECONDS = 75
"""Longer than clients, Envoy among them, keep an idle connection: closing it first would race with a request."""


class EmbeddedServer(uvicorn.Server):
    """uvicorn that leaves signals to the owner of the event loop, and tells when it is ready."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        protocol: type[asyncio.Protocol] | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        """`protocol` replaces uvicorn's own HTTP/1.1."""
        config = uvicorn.Config(
            app,
            http=protocol or "h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._on_ready = on_ready

    async def serve_until_cancelled(self, listener: socket.socket) -> None:
        """Serves on a listening socket, and closes what is open when cancelled."""
        try:
            await self.serve(sockets=[listener])
        finally:
            if self.started:
                await self.shutdown()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: the address cannot be had.
    """
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    # asyncio does this only for sockets that name TCP as their protocol, which Python's own do not. Without it every
    # small write behind another waits 40 ms for the peer's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
