"""Tests for aigw_extproc.aws.credentials.threads."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from aigw_extproc.aws.credentials.threads import to_daemon_thread


async def test_the_result_is_returned() -> None:
    assert await to_daemon_thread(pow, 2, 10) == 1024


async def test_the_work_runs_in_another_thread() -> None:
    assert await to_daemon_thread(threading.get_ident) != threading.get_ident()


async def test_an_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError, match="by zero"):
        await to_daemon_thread(divmod, 1, 0)


async def test_a_cancelled_caller_does_not_end_the_work() -> None:
    going_on, done = threading.Event(), threading.Event()

    def work() -> None:
        going_on.wait(10)
        done.set()

    waiting = asyncio.ensure_future(to_daemon_thread(work))
    await asyncio.to_thread(bool)
    waiting.cancel()
    going_on.set()
    assert await asyncio.to_thread(done.wait, 10)


STUCK = """
import asyncio, threading
from aigw_extproc.aws.credentials.threads import to_daemon_thread

begun = threading.Event()

async def main():
    asyncio.ensure_future(to_daemon_thread(lambda: begun.set() or threading.Event().wait()))
    await asyncio.to_thread(begun.wait)

asyncio.run(main())
print("ended")
"""


def test_the_process_ends_before_the_work_does() -> None:
    done = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")
