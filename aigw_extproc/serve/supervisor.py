"""Child processes that start, run and stop together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from aigw_extproc.serve.child import Child, OnLog, RunningChild, start


class _Stopped(Exception):
    """The stop was requested."""


class Supervisor:
    """Runs children in stages: those of one stage start together, when all of the stage before are ready."""

    def __init__(self, stages: Sequence[Sequence[Child]], on_log: OnLog) -> None:
        self._stages = stages
        self._on_log = on_log
        self._started: list[RunningChild] = []

    async def run(
        self, stop: asyncio.Event, *, on_ready: Callable[[], None], on_stop: Callable[[], None] = lambda: None
    ) -> None:
        """Run the children until `stop` is set, then stop the stages in reverse order, each stage's children together.

        `on_ready` is called when all are ready, and `on_stop` after that, before the first one is stopped. Must be
        called in the main thread, with which the children end.

        Raises:
            ChildFailed: one ended by itself, or was not ready in time; the others have been stopped.
            OSError: one could not be started; likewise.
        """
        try:
            async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
                tasks.create_task(_raise_on(stop))
                for stage in self._stages:
                    children: list[RunningChild] = []
                    stack.push_async_callback(_stop_all, children)
                    for child in stage:
                        running = await start(child, self._on_log)
                        children.append(running)
                        self._started.append(running)
                        tasks.create_task(running.until_death())
                    await asyncio.gather(*(each.until_ready() for each in children))
                on_ready()
                stack.callback(on_stop)
        except ExceptionGroup as failures:
            if not failures.subgroup(_Stopped):
                raise failures.exceptions[0] from None

    def kill(self) -> None:
        """Kill all children that are left."""
        for child in self._started:
            child.kill()


async def _raise_on(stop: asyncio.Event) -> None:
    await stop.wait()
    raise _Stopped


async def _stop_all(children: Sequence[RunningChild]) -> None:
    await asyncio.gather(*(child.stop() for child in children))
