"""The simulator as an HTTP server, with uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import struct
from collections.abc import Callable
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from aigw_extproc.asgi import EmbeddedServer, bind
from aigw_extproc.simulator.app import RESET, create_app
from aigw_extproc.simulator.settings import Settings

OnReady = Callable[[int], None]


async def serve(host: str, port: int, settings: Settings, *, on_ready: OnReady = lambda _port: None) -> None:
    """Serve until cancelled. `on_ready` is called with the port, once connections are accepted.

    Port 0 takes a free one. Installs no signal handlers. Raises OSError when the port cannot be bound.
    """
    with bind(host, port) as listener:
        ready = partial(on_ready, listener.getsockname()[1])
        server = EmbeddedServer(create_app(settings), protocol=ResettableProtocol, on_ready=ready)
        await server.serve_until_cancelled(listener)


def run(host: str, port: int, settings: Settings, *, on_ready: OnReady = lambda _port: None) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError when the port cannot be bound."""

    async def until_stopped() -> None:
        serving = asyncio.ensure_future(serve(host, port, settings, on_ready=on_ready))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    asyncio.run(until_stopped())


class ResettableProtocol(H11Protocol):
    """HTTP/1.1 whose connections the application can abort, which ASGI does not support."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self.app = _with_reset(self.app, partial(reset, transport))


def reset(transport: asyncio.Transport) -> None:
    """Close a connection with a RST instead of a FIN."""
    connection = transport.get_extra_info("socket")
    # l_onoff=1, l_linger=0: see socket(7) on SO_LINGER.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _with_reset(app: ASGIApp, reset_connection: Callable[[], None]) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, RESET: reset_connection}, receive, send)

    return wrapped
