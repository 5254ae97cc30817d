"""Serves streams on an address, and listens anew when its socket is gone: closed, or a unix socket without its file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aigw_extproc.extproc.transport import Server

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""Between two looks at the socket."""
CLOSE_SECONDS = 0.2
"""How long a server that begins to drain may take to close its socket, with which it removes the file."""


async def serve_until(
    stop: asyncio.Event, create: Callable[[], Server], address: str, on_serving: Callable[[bool], None]
) -> None:
    """Serve until `stop`, then drain. `address` is that of the servers, for the log.

    `on_serving` is called with True when streams are accepted, with False when they are not any more.

    Raises:
        OSError: the address cannot be listened on, at first or again.
    """
    async with asyncio.TaskGroup() as drains:
        server = create()
        await server.start()
        on_serving(True)
        while not await _stops(stop, server):
            log.error("the socket %s is gone: listening on it again", address)
            on_serving(False)
            drains.create_task(server.drain())  # exchanges under way end on the connections that are open
            await asyncio.sleep(CLOSE_SECONDS)
            server = create()
            await server.start()
            on_serving(True)
        on_serving(False)
        await server.drain()


async def _stops(stop: asyncio.Event, server: Server) -> bool:
    """Return True at the stop, False when the server does not listen any more."""
    while server.listens():
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await stop.wait()
        except TimeoutError:
            continue
    return stop.is_set()
