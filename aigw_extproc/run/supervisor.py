"""Children that live and die together."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence

from aigw_extproc.run.child import Child, OnLog, RunningChild, running


class _Stopped(Exception):
    """Somebody asked for the end."""


Work = Callable[[], Coroutine[None, None, None]]


async def _nothing() -> None:
    """No work."""


async def supervise(
    stages: Sequence[Sequence[Child]], *, on_ready: Callable[[], None], on_log: OnLog, beside: Work = _nothing
) -> None:
    """Starts children and runs them: those of one stage together, when all of the stage before are ready.

    Returns when told to stop by SIGINT or SIGTERM, after stopping them in the opposite order; a second signal
    kills what is left. `beside` is done meanwhile. Must be called in the main thread.

    Raises:
        ChildFailed: one ended by itself, or did not become ready in time; the others have been stopped.
        OSError: one could not be started; likewise.
    """
    started: list[RunningChild] = []
    stop = asyncio.Event()
    try:
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as watch:
            stack.enter_context(_signals(stop, started))
            watch.create_task(_until_told(stop))
            watch.create_task(beside())
            for stage in stages:
                processes = [await stack.enter_async_context(running(child, on_log)) for child in stage]
                started.extend(processes)
                for process in processes:
                    watch.create_task(process.until_death())
                await asyncio.gather(*(process.until_ready() for process in processes))
            on_ready()
    except ExceptionGroup as reasons:
        if not reasons.subgroup(_Stopped):
            raise reasons.exceptions[0] from None


async def _until_told(stop: asyncio.Event) -> None:
    await stop.wait()
    raise _Stopped


@contextlib.contextmanager
def _signals(stop: asyncio.Event, started: Sequence[RunningChild]) -> Iterator[None]:
    """The first signal stops, the next one kills."""

    def told() -> None:
        if stop.is_set():
            for child in started:
                child.kill()
        stop.set()

    loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, told)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
