"""A child process: its start, its readiness, its log and its end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aigw_extproc.printable import printable

LAST_LINES = 20
"""Lines of a child's log that are kept for the error when it fails."""
POLL_SECONDS = 0.03
"""Seconds between two checks of whether a child is ready."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

OnLog = Callable[[str, str], None]
"""Takes a child's name and a line of its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A command to run as a child process."""

    name: str
    argv: tuple[str, ...]
    """Must not hold secrets: everybody on the machine can read it."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the parent's environment."""
    ready: Callable[[], Awaitable[bool]] | None = None
    """Returns whether the child is ready; polled until it is. None: the first line of its output means ready."""
    ready_seconds: float | None = 30.0
    """How long becoming ready may take; None for no limit."""
    drain: Callable[[], Awaitable[None]] | None = None
    """Lets work under way end; awaited before SIGTERM is sent."""
    stop_seconds: float = 10.0
    """How long draining may take, and how long stopping, before SIGKILL is sent."""
    prepare: Callable[[], None] | None = None
    """Called before each start."""
    inherits: bool = False
    """Whether it has the parent's standard error and process group. If not, both streams are its output, and it is
    killed with all processes that it has started."""


class ChildFailed(Exception):
    """A child ended by itself, or did not become ready. The text has the last lines of its log, if they are known."""

    def __init__(self, name: str, reason: str, last_lines: tuple[str, ...] | None) -> None:
        super().__init__(f"{name} {reason}; {_log_hint(last_lines)}")
        self.name = name
        self.reason = reason
        self.last_lines = last_lines


class RunningChild(asyncio.SubprocessProtocol):
    """A child process that was started."""

    def __init__(self, child: Child, on_log: OnLog) -> None:
        self.child = child
        self._on_log = on_log
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._buffer = b""
        self._first_line = asyncio.Event()
        self._exited = asyncio.Event()
        self._log_ended = asyncio.Event()
        self._transport: asyncio.SubprocessTransport

    @property
    def pid(self) -> int:
        """Its process id; also its process group, unless it inherits the parent's."""
        return self._transport.get_pid()

    @property
    def runs(self) -> bool:
        """Whether it has written its first line, and has not ended."""
        return self._first_line.is_set() and not self._exited.is_set()

    async def until_ready(self) -> None:
        """Wait until the child is ready.

        Raises:
            ChildFailed: it was not ready in time.
        """
        try:
            async with asyncio.timeout(self.child.ready_seconds):
                await self._ready()
        except TimeoutError:
            raise self._failure(f"was not ready after {self.child.ready_seconds:.0f} s") from None

    async def until_death(self) -> None:
        """Wait for the child to end; never returns.

        Raises:
            ChildFailed: the child has ended.
        """
        await self._exited.wait()
        with contextlib.suppress(TimeoutError):  # processes that it started may hold its output open
            async with asyncio.timeout(1):
                await self._log_ended.wait()
        raise self._failure(f"ended by itself ({_exit_reason(self._transport.get_returncode() or 0)})")

    async def stop(self) -> None:
        """Drain and stop the child, each for at most `stop_seconds`, then kill what is left of its process group."""
        if not self._exited.is_set():
            await self._drain()
            with contextlib.suppress(ProcessLookupError):
                self._transport.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.child.stop_seconds):
                    await self._exited.wait()
        self.kill()
        await self._exited.wait()
        self._transport.close()

    def kill(self) -> None:
        """Send SIGKILL to the child, and to its process group unless that is the parent's."""
        with contextlib.suppress(ProcessLookupError):
            if self.child.inherits:
                self._transport.kill()
            else:
                os.killpg(self.pid, signal.SIGKILL)

    async def _ready(self) -> None:
        if self.child.ready is None:
            await self._first_line.wait()
            return
        while not await self.child.ready():  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(POLL_SECONDS)

    async def _drain(self) -> None:
        if self.child.drain is not None:
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(self.child.stop_seconds):
                    await self.child.drain()

    def _failure(self, reason: str) -> ChildFailed:
        return ChildFailed(self.child.name, reason, None if self.child.inherits else tuple(self._last_lines))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - what asyncio promises
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._log(line)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if self._buffer:
            self._log(self._buffer)
        self._log_ended.set()

    def process_exited(self) -> None:
        self._exited.set()

    def _log(self, line: bytes) -> None:
        text = printable(line.decode(errors="replace"))
        self._first_line.set()
        self._last_lines.append(text)
        self._on_log(self.child.name, text)


async def start(child: Child, on_log: OnLog) -> RunningChild:
    """Start a child process. In a process group of its own, Ctrl-C does not reach it.

    Raises:
        OSError: it could not be prepared or started.
    """
    if child.prepare is not None:
        child.prepare()
    _, process = await asyncio.get_running_loop().subprocess_exec(
        lambda: RunningChild(child, on_log),
        *child.argv,
        env={**os.environ, **child.env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if child.inherits else subprocess.STDOUT,
        process_group=None if child.inherits else 0,
        preexec_fn=_end_with_parent(),
    )
    return process


def _end_with_parent() -> Callable[[], None] | None:
    """Return a `preexec_fn` with which the child gets SIGTERM when its parent ends, even if it is killed.

    The child gets it when the thread that started it ends, so that must be the main thread. None except on Linux.
    https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()  # looked up before the fork, after which little is safe

    def set_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent ended before prctl was called
            os._exit(1)

    return set_signal


def python(*arguments: str) -> tuple[str, ...]:
    """Return the command line of a command of this package."""
    return (sys.executable, "-m", "aigw_extproc", *arguments)


def _exit_reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _log_hint(last_lines: tuple[str, ...] | None) -> str:
    if last_lines is None:
        return "its log has the reason"
    return "its last lines:" + ("".join(f"\n  {line}" for line in last_lines) or "\n  (it wrote nothing)")
