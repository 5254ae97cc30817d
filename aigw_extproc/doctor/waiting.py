"""Waiting for what may never come, and saying what came instead."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

STEP_SECONDS = 5.0
"""For a name, for a connection, and for a handshake."""

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """Calls what blocks. When nobody waits any longer its thread is left behind, and does not hold up the exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(settled: Callable[[], None]) -> None:
        if not future.done():
            settled()

    def run() -> None:
        try:
            settled = partial(future.set_result, function())
        except Exception as failure:
            settled = partial(future.set_exception, failure)
        with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
            loop.call_soon_threadsafe(settle, settled)

    threading.Thread(target=run, daemon=True).start()
    return await future


def reason(failure: OSError, seconds: float) -> str:
    """An error of the operating system, in its own words and without the addresses that asyncio adds."""
    if isinstance(failure, TimeoutError) and failure.errno is None:
        return f"no answer within {seconds:.3g} s"
    if isinstance(failure, socket.gaierror):
        return failure.strerror or str(failure)
    return os.strerror(failure.errno) if failure.errno else str(failure)
