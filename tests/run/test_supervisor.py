"""Children that live and die together, tried with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc.run.child import Child, ChildFailed
from aigw_extproc.run.supervisor import supervise

LIVE = """
import pathlib, signal, sys
journal = pathlib.Path(sys.argv[1]).open("a", buffering=1)
def end(*_):
    journal.write(sys.argv[2] + " stops\\n")
    raise SystemExit
signal.signal(signal.SIGTERM, end)
journal.write(sys.argv[2] + " starts\\n")
signal.pause()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"


class Journal:
    """What children have written down, in order."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def lines(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []

    def child(self, name: str, code: str = LIVE, **fields: Any) -> Child:
        """Runs `code`; ready once it has said that it starts."""

        async def ready() -> bool:
            return f"{name} starts" in self.lines()

        argv = (sys.executable, "-c", code, str(self.file), name)
        return Child(**{"name": name, "argv": argv, "ready": ready, **fields})


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def tell(number: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Sends us a signal."""
    return lambda: os.kill(os.getpid(), number)


def ignore(*_: str) -> None:
    """Nobody reads the log."""


async def at_once() -> bool:
    return True


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - other processes set no event of ours
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_children_start_in_order_and_stop_in_the_opposite_one(journal: Journal, number: signal.Signals) -> None:
    await supervise([[journal.child("a")], [journal.child("b")]], on_ready=tell(number), on_log=ignore)
    assert journal.lines() == ["a starts", "b starts", "b stops", "a stops"]


async def test_a_child_starts_only_when_the_one_before_it_is_ready(journal: Journal) -> None:
    seen: list[list[str]] = []

    async def after_five_looks() -> bool:
        seen.append(journal.lines())
        return len(seen) > 5 and "a starts" in seen[-1]

    stages = [[journal.child("a", ready=after_five_looks)], [journal.child("b")]]
    await supervise(stages, on_ready=tell(), on_log=ignore)
    assert seen[-1] == ["a starts"]
    assert "b starts" in journal.lines()


async def test_children_of_one_stage_start_together(journal: Journal) -> None:
    async def both() -> bool:
        return sorted(journal.lines()) == ["a starts", "b starts"]

    stage = [journal.child("a", ready=both), journal.child("b", ready=both)]
    await supervise([stage], on_ready=tell(), on_log=ignore)
    assert journal.lines()[2:] == ["b stops", "a stops"]


async def test_a_child_is_drained_before_it_is_stopped(journal: Journal) -> None:
    async def drain() -> None:
        with journal.file.open("a") as file:
            file.write("drained\n")

    await supervise([[journal.child("a", drain=drain)]], on_ready=tell(), on_log=ignore)
    assert journal.lines() == ["a starts", "drained", "a stops"]


async def test_a_drain_that_fails_does_not_prevent_the_stop(journal: Journal) -> None:
    async def drain() -> None:
        raise ConnectionRefusedError

    await supervise([[journal.child("a", drain=drain)]], on_ready=tell(), on_log=ignore)
    assert journal.lines() == ["a starts", "a stops"]


async def test_a_drain_that_takes_too_long_is_given_up(journal: Journal) -> None:
    child = journal.child("a", drain=asyncio.Event().wait, stop_seconds=0.2)
    await supervise([[child]], on_ready=tell(), on_log=ignore)
    assert journal.lines() == ["a starts", "a stops"]


async def test_a_child_that_dies_takes_the_others_with_it(journal: Journal) -> None:
    dying = Child(name="b", argv=(sys.executable, "-c", "print('one\\ntwo'); exit(3)"), ready=at_once)
    with pytest.raises(ChildFailed) as raised:
        await supervise([[journal.child("a")], [dying]], on_ready=lambda: None, on_log=ignore)
    assert str(raised.value) == "b ended by itself (exit code 3); its last lines:\n  one\n  two"
    assert journal.lines() == ["a starts", "a stops"]


async def test_a_child_that_is_killed_says_by_what() -> None:
    code = "import os; os.kill(os.getpid(), 9)"
    with pytest.raises(ChildFailed) as raised:
        await supervise(
            [[Child(name="a", argv=(sys.executable, "-c", code), ready=at_once)]], on_ready=lambda: None, on_log=ignore
        )
    assert str(raised.value) == "a ended by itself (killed by SIGKILL); its last lines:\n  (it wrote nothing)"


async def test_only_the_last_lines_are_reported() -> None:
    code = "for number in range(100): print(number)"
    with pytest.raises(ChildFailed) as raised:
        await supervise(
            [[Child(name="a", argv=(sys.executable, "-c", code), ready=at_once)]], on_ready=lambda: None, on_log=ignore
        )
    assert raised.value.last_lines == tuple(map(str, range(80, 100)))


async def test_a_child_that_does_not_get_ready_is_given_up(journal: Journal) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(ChildFailed) as raised:
        await supervise(
            [[journal.child("a")], [Child(name="b", argv=("sleep", "60"), ready=never, ready_seconds=0.1)]],
            on_ready=lambda: None,
            on_log=ignore,
        )
    assert str(raised.value) == "b was not ready after 0 s; its last lines:\n  (it wrote nothing)"
    assert journal.lines() == ["a starts", "a stops"]


async def test_a_child_that_cannot_be_started_stops_the_others(journal: Journal) -> None:
    missing = Child(name="b", argv=("/nowhere/envoy",), ready=at_once)
    with pytest.raises(FileNotFoundError, match="/nowhere/envoy"):
        await supervise([[journal.child("a")], [missing]], on_ready=lambda: None, on_log=ignore)
    assert journal.lines() == ["a starts", "a stops"]


async def test_a_signal_while_children_start_stops_them(journal: Journal) -> None:
    async def never() -> bool:
        tell()()
        return False

    ready: list[str] = []
    waiting = Child(name="b", argv=("sleep", "60"), ready=never)
    await supervise([[journal.child("a")], [waiting]], on_ready=lambda: ready.append("ready"), on_log=ignore)
    assert (journal.lines(), ready) == (["a starts", "a stops"], [])


async def test_a_child_deaf_to_signals_is_killed() -> None:
    heard: list[str] = []

    async def ready() -> bool:
        return "deaf" in heard

    child = Child(name="a", argv=(sys.executable, "-c", DEAF), ready=ready, stop_seconds=0.2)
    async with asyncio.timeout(5):
        await supervise([[child]], on_ready=tell(), on_log=lambda _, line: heard.append(line))


async def test_a_second_signal_kills() -> None:
    heard: list[str] = []

    async def ready() -> bool:
        return "deaf" in heard

    async def told_again() -> None:
        tell(signal.SIGINT)()

    child = Child(name="a", argv=(sys.executable, "-c", DEAF), ready=ready, drain=told_again, stop_seconds=60)
    async with asyncio.timeout(5):
        await supervise([[child]], on_ready=tell(signal.SIGINT), on_log=lambda _, line: heard.append(line))


async def test_what_a_child_has_started_goes_with_it() -> None:
    code = "import subprocess, signal; print(subprocess.Popen(['sleep', '60']).pid, flush=True); signal.pause()"
    pids: list[int] = []

    async def ready() -> bool:
        return bool(pids)

    child = Child(name="a", argv=(sys.executable, "-c", code), ready=ready)
    await supervise([[child]], on_ready=tell(), on_log=lambda _, line: pids.append(int(line)))
    await until(lambda: not alive(pids[0]))


async def test_log_lines_arrive_whole_whatever_their_length() -> None:
    code = "print('x' * 200_000); print('no newline', end='')"
    heard: list[tuple[str, str]] = []
    with pytest.raises(ChildFailed):
        await supervise(
            [[Child(name="a", argv=(sys.executable, "-c", code), ready=at_once)]],
            on_ready=lambda: None,
            on_log=lambda name, line: heard.append((name, line)),
        )
    assert heard == [("a", "x" * 200_000), ("a", "no newline")]


async def test_a_child_sees_its_own_environment_on_top_of_ours() -> None:
    code = "import os; print(os.environ['NEW'], 'PATH' in os.environ)"
    heard: list[str] = []
    child = Child(name="a", argv=(sys.executable, "-c", code), env={"NEW": "new"}, ready=at_once)
    with pytest.raises(ChildFailed):
        await supervise([[child]], on_ready=lambda: None, on_log=lambda _, line: heard.append(line))
    assert heard == ["new True"]


PARENT = """
import asyncio, sys
from aigw_extproc.run.child import Child
from aigw_extproc.run.supervisor import supervise
pids = []
async def ready(): return len(pids) == 1
code = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
child = Child(name="a", argv=(sys.executable, "-c", code), ready=ready)
asyncio.run(supervise([[child]], on_ready=lambda: print(pids[0], flush=True), on_log=lambda _, line: pids.append(line)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a parent that is killed is noticed on Linux only")
async def test_no_child_outlives_a_parent_that_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert alive(child)
    parent.kill()
    await parent.wait()
    await until(lambda: not alive(child))
