"""One child process: started, watched, and stopped with everything that it has started itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aigw_extproc.serve.lifeline import end_with_parent

LAST_LINES = 20
"""Lines of a child's log that are kept, to be shown when it dies."""
POLL_SECONDS = 0.03
"""Between two looks at whether a child is ready."""

OnLog = Callable[[str, str], None]
"""Gets a child's name and a line of what it writes."""


async def _nothing() -> None:
    """The drain of a child that needs none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """What to run, and how to deal with it."""

    name: str
    argv: tuple[str, ...]
    """No secrets: everybody on the machine can read it."""
    env: Mapping[str, str] = field(default_factory=dict)
    """On top of the parent's."""
    ready: Callable[[], Awaitable[bool]]
    """Whether it does its work by now; asked again until it does."""
    ready_seconds: float = 30.0
    """How long that may take."""
    drain: Callable[[], Awaitable[None]] = _nothing
    """Ends its work in peace; awaited before it is told to stop."""
    stop_seconds: float = 10.0
    """How long draining, and how long stopping, may take; then it is killed."""


class ChildFailed(Exception):
    """A child ended by itself, or did not become ready. The text ends with the last lines of its log."""

    def __init__(self, name: str, what: str, last_lines: tuple[str, ...]) -> None:
        log = "".join(f"\n  {line}" for line in last_lines) or "\n  (it wrote nothing)"
        super().__init__(f"{name} {what}; its last lines:{log}")
        self.name = name
        self.last_lines = last_lines


class RunningChild(asyncio.SubprocessProtocol):
    """A child that was started."""

    def __init__(self, child: Child, on_log: OnLog) -> None:
        self._child = child
        self._on_log = on_log
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._unfinished = b""
        self._exited = asyncio.Event()
        self._log_ended = asyncio.Event()
        self._transport: asyncio.SubprocessTransport

    @property
    def pid(self) -> int:
        """Its process id, and that of its process group."""
        return self._transport.get_pid()

    async def until_ready(self) -> None:
        """Returns when the child is ready.

        Raises:
            ChildFailed: it was not in time.
        """
        try:
            async with asyncio.timeout(self._child.ready_seconds):
                while not await self._child.ready():  # noqa: ASYNC110 - another process sets no event of ours
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise self._failure(f"was not ready after {self._child.ready_seconds:.0f} s") from None

    async def until_death(self) -> None:
        """Does not return.

        Raises:
            ChildFailed: the child has ended.
        """
        await self._exited.wait()
        with contextlib.suppress(TimeoutError):  # what it started may still hold its output open
            async with asyncio.timeout(1):
                await self._log_ended.wait()
        raise self._failure(f"ended by itself ({_how(self._transport.get_returncode() or 0)})")

    async def stop(self) -> None:
        """Drains, stops, and after their time kills the child; nothing of its process group is left."""
        if not self._exited.is_set():
            await self._drain()
            with contextlib.suppress(ProcessLookupError):
                self._transport.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._child.stop_seconds):
                    await self._exited.wait()
        self.kill()
        await self._exited.wait()
        self._transport.close()

    def kill(self) -> None:
        """At once, with everything that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._transport.get_pid(), signal.SIGKILL)

    async def _drain(self) -> None:
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(self._child.stop_seconds):
                await self._child.drain()

    def _failure(self, what: str) -> ChildFailed:
        return ChildFailed(self._child.name, what, tuple(self._last_lines))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - what asyncio promises
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in lines:
            self._log(line)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if self._unfinished:
            self._log(self._unfinished)
        self._log_ended.set()

    def process_exited(self) -> None:
        self._exited.set()

    def _log(self, line: bytes) -> None:
        text = line.decode(errors="replace")
        self._last_lines.append(text)
        self._on_log(self._child.name, text)


@contextlib.asynccontextmanager
async def running(child: Child, on_log: OnLog) -> AsyncIterator[RunningChild]:
    """The child, as long as the block lasts; it is in a process group of its own, out of Ctrl-C's reach.

    Raises:
        OSError: it could not be started.
    """
    _, process = await asyncio.get_running_loop().subprocess_exec(
        lambda: RunningChild(child, on_log),
        *child.argv,
        env={**os.environ, **child.env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=end_with_parent(),
    )
    try:
        yield process
    finally:
        await process.stop()


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def python(*arguments: str) -> tuple[str, ...]:
    """The command line of one of our own commands."""
    return (sys.executable, "-m", "aigw_extproc", *arguments)
