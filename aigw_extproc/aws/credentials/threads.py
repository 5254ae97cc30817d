"""Work that blocks, in threads that nobody has to wait for at the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def in_daemon(work: Callable[..., T], *arguments: Any) -> T:
    """What `work` returns or raises. Unlike `asyncio.to_thread`, it does not hold up the end of the process.

    STS may take ten seconds to fail; a gateway that was told to stop has better things to do.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(how: Callable[[Any], None], outcome: object) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(lambda: None if done.done() else how(outcome))

    def run() -> None:
        try:
            result = work(*arguments)
        except Exception as error:  # for whoever waits
            settle(done.set_exception, error)
        else:
            settle(done.set_result, result)

    threading.Thread(target=run, name="credentials", daemon=True).start()
    return await done
