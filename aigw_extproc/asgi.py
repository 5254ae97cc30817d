"""An ASGI server for an event loop that has other work too."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

GRACE_SECONDS = 1
"""Seconds that a stop waits for responses that are being sent."""
KEEP_ALIVE_SECONDS = 75
"""Longer than clients such as Envoy keep an idle connection: closing it before they do would race with a request."""


class EmbeddedServer(uvicorn.Server):
    """A uvicorn server without signal handlers, and with a callback when it is ready."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        protocol: type[asyncio.Protocol] | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        """Configure the server. `protocol` replaces uvicorn's own HTTP/1.1."""
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
        """Serve on a listening socket until cancelled, then close all connections."""
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
    """Return a listening socket; port 0 takes a free one.

    Raises:
        OSError: the address cannot be listened on.
    """
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    # asyncio sets this only on sockets with an explicit protocol, which create_server does not give. Without it, a
    # small write after another one waits 40 ms for the peer's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
