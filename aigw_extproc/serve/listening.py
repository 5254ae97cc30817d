"""Serves streams on an address, and listens anew when the file of its unix socket is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from aigw_extproc.extproc.transport import Server

log = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""Between two looks at the file."""
CLOSE_SECONDS = 0.2
"""How long a server that begins to drain may take to close its socket, with which it removes the file."""


async def serve_until(
    stop: asyncio.Event, create: Callable[[], Server], path: Path | None, on_serving: Callable[[bool], None]
) -> None:
    """Serve until `stop`, then drain. `path` is the file of the unix socket; None for TCP.

    `on_serving` is called with True when streams are accepted, with False when they are not any more.

    Raises:
        OSError: the address cannot be listened on, at first or again.
    """
    async with asyncio.TaskGroup() as drains:
        server = create()
        await server.start()
        on_serving(True)
        while not await _stops(stop, path):
            log.error("the socket %s is gone: listening on it again", path)
            on_serving(False)
            drains.create_task(server.drain())  # exchanges under way end on the connections that are open
            await asyncio.sleep(CLOSE_SECONDS)
            server = create()
            await server.start()
            on_serving(True)
        on_serving(False)
        await server.drain()


async def _stops(stop: asyncio.Event, path: Path | None) -> bool:
    """Return True at the stop, False when the file is gone."""
    while path is None or path.exists():  # noqa: ASYNC240 - takes microseconds
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await stop.wait()
        except TimeoutError:
            continue
    return stop.is_set()
