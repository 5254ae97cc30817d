"""Context managers: SIGINT and SIGTERM as an asyncio event, and work that runs beside a block of code."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager


@contextmanager
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


@asynccontextmanager
async def background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` during the block, and cancel it at the end of the block.

    If one of them fails, the other is cancelled, and the error is raised as it is, not in an ExceptionGroup.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work)
            yield
            task.cancel()
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
