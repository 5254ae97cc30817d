"""Work that runs beside a block of code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


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
