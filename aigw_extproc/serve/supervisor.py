"""Child processes that start and stop together; one that dies ends the others, or is started again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from aigw_extproc.serve.child import Child, ChildFailed, OnLog, RunningChild, start
from aigw_extproc.serve.restarts import Restarts

log = logging.getLogger(__name__)


class _Stopped(Exception):
    """The stop was requested."""


class Supervisor:
    """Runs children in stages: those of one stage start together, when all of the stage before are ready."""

    def __init__(self, stages: Sequence[Sequence[Child]], on_log: OnLog, restarts: Restarts | None = None) -> None:
        """With `restarts`, a child that dies after all were ready is started again, and the others go on."""
        self._stages = stages
        self._on_log = on_log
        self._restarts = restarts
        self._all_were_ready = False
        self._started: list[RunningChild] = []

    @property
    def running(self) -> int:
        """The number of children that run."""
        return sum(child.runs for child in self._started)

    async def run(
        self, stop: asyncio.Event, *, on_ready: Callable[[], None], on_stop: Callable[[], None] = lambda: None
    ) -> None:
        """Run the children until `stop` is set, then stop the stages in reverse order, each stage's children together.

        `on_ready` is called when all are ready, and `on_stop` after that, before the first one is stopped. Must be
        called in the main thread, with which the children end.

        Raises:
            ChildFailed: one ended by itself, too often if it is started again, or was not ready in time; the others
                have been stopped.
            OSError: one could not be started; likewise.
        """
        try:
            async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
                tasks.create_task(_raise_on(stop))
                for stage in self._stages:
                    children: list[RunningChild] = []
                    stack.push_async_callback(_stop_all, children)
                    for child in stage:
                        tasks.create_task(self._watch(await self._start(child, children), children))
                    await asyncio.gather(*(each.until_ready() for each in children))
                self._all_were_ready = True
                on_ready()
                stack.callback(on_stop)
        except ExceptionGroup as failures:
            if not failures.subgroup(_Stopped):
                raise failures.exceptions[0] from None

    async def _start(self, child: Child, children: list[RunningChild]) -> RunningChild:
        running = await start(child, self._on_log)
        children.append(running)
        self._started.append(running)
        return running

    async def _watch(self, running: RunningChild, children: list[RunningChild]) -> None:
        """Wait until a child of the stage `children` dies, and start it again if that is wanted; never returns.

        Raises:
            ChildFailed: it has died, and is not started again.
            OSError: it could not be started again.
        """
        while True:
            try:
                await running.until_death()
            except ChildFailed as death:
                if self._restarts is None or not self._all_were_ready:
                    raise
                pause = self._restarts.pause(death)
                log.error("%s. It is started again in %.1f s", death, pause)
            await running.stop()
            children.remove(running)
            self._started.remove(running)
            await asyncio.sleep(pause)
            running = await self._start(running.child, children)

    def kill(self) -> None:
        """Kill all children that are left."""
        for child in self._started:
            child.kill()


async def _raise_on(stop: asyncio.Event) -> None:
    await stop.wait()
    raise _Stopped


async def _stop_all(children: Sequence[RunningChild]) -> None:
    await asyncio.gather(*(child.stop() for child in children))
