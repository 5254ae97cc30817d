"""Blocking calls in daemon threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def to_daemon_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Call `work` in a new thread, and return its result or raise its error.

    Unlike `asyncio.to_thread`, it does not delay the end of the process: STS may take ten seconds to fail. A caller
    that is cancelled, as by a timeout, leaves the thread running.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(set_outcome: Callable[[Any], None], outcome: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(lambda: None if done.done() else set_outcome(outcome))

    def run() -> None:
        try:
            result = work(*arguments)
        except Exception as error:
            settle(done.set_exception, error)
        else:
            settle(done.set_result, result)

    threading.Thread(target=run, daemon=True).start()
    return await done
