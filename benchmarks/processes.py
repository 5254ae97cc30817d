"""Processes that run during a block."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aigw_extproc.serve.child import Child, OnLog, RunningChild, start


@contextlib.asynccontextmanager
async def running(child: Child, on_log: OnLog) -> AsyncIterator[RunningChild]:
    """Run a child process during the block.

    Raises:
        OSError: it could not be started.
    """
    process = await start(child, on_log)
    try:
        yield process
    finally:
        await process.stop()
