"""SIGINT and SIGTERM as an asyncio event."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stop_signals(on_repeat: Callable[[], None] = lambda: None) -> Iterator[asyncio.Event]:
    """Set the event on the first SIGINT or SIGTERM while the block runs; call `on_repeat` on each later one.

    Must be called in the main thread.
    """
    stop = asyncio.Event()

    def handle() -> None:
        if stop.is_set():
            on_repeat()
        stop.set()

    loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, handle)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
