"""The supervisor, with real child processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc.serve.child import Child, ChildFailed, OnLog
from aigw_extproc.serve.contexts import stop_signals
from aigw_extproc.serve.restarts import Restarts
from aigw_extproc.serve.supervisor import Supervisor

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
IGNORE_SIGTERM = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('started', flush=True); signal.pause()"
)


class Journal:
    """A file in which children write when they start and stop."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def lines(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []

    def child(self, name: str, code: str = LIVE, **fields: Any) -> Child:
        """Return a child that runs `code`, and is ready when it has written that it starts."""

        async def ready() -> bool:
            return f"{name} starts" in self.lines()

        argv = (sys.executable, "-c", code, str(self.file), name)
        return Child(**{"name": name, "argv": argv, "ready": ready, **fields})


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def send(number: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Return a function that sends this process a signal."""
    return lambda: os.kill(os.getpid(), number)


def ignore(*_: str) -> None:
    """Discard the log."""


async def supervise(
    stages: Sequence[Sequence[Child]],
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_stop: Callable[[], None] = lambda: None,
    on_log: OnLog = ignore,
    restarts: Restarts | None = None,
) -> None:
    """Run the children until a signal; a second one kills them."""
    supervisor = Supervisor(stages, on_log, restarts)
    with stop_signals(supervisor.kill) as stop:
        await supervisor.run(stop, on_ready=on_ready, on_stop=on_stop)


async def at_once() -> bool:
    return True


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - other processes set no event of ours
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stages_start_in_order_and_stop_in_reverse(journal: Journal, number: signal.Signals) -> None:
    await supervise([[journal.child("a")], [journal.child("b")]], on_ready=send(number))
    assert journal.lines() == ["a starts", "b starts", "b stops", "a stops"]


async def test_a_stage_starts_only_when_the_one_before_is_ready(journal: Journal) -> None:
    looks: list[list[str]] = []

    async def after_five_looks() -> bool:
        looks.append(journal.lines())
        return len(looks) > 5 and "a starts" in looks[-1]

    stages = [[journal.child("a", ready=after_five_looks)], [journal.child("b")]]
    await supervise(stages, on_ready=send())
    assert looks[-1] == ["a starts"]
    assert "b starts" in journal.lines()


async def test_the_children_of_a_stage_start_and_stop_together(journal: Journal) -> None:
    async def both() -> bool:
        return sorted(journal.lines()) == ["a starts", "b starts"]

    stage = [journal.child("a", ready=both), journal.child("b", ready=both)]
    await supervise([stage], on_ready=send())
    assert sorted(journal.lines()[2:]) == ["a stops", "b stops"]


async def test_the_stop_is_announced_before_the_first_child_stops(journal: Journal) -> None:
    def on_stop() -> None:
        with journal.file.open("a") as file:
            file.write("stopping\n")

    await supervise([[journal.child("a")]], on_ready=send(), on_stop=on_stop)
    assert journal.lines() == ["a starts", "stopping", "a stops"]


async def test_without_a_probe_the_first_line_of_output_means_ready() -> None:
    code = "import signal; print('ready', flush=True); signal.pause()"
    lines: list[str] = []

    def on_ready() -> None:
        lines.append("on_ready")
        os.kill(os.getpid(), signal.SIGTERM)

    child = Child(name="a", argv=(sys.executable, "-c", code), inherits=True)
    await supervise([[child]], on_ready=on_ready, on_log=lambda _, line: lines.append(line))
    assert lines == ["ready", "on_ready"]


async def test_a_child_that_inherits_our_standard_error_has_its_log_there(capfd: pytest.CaptureFixture[str]) -> None:
    child = Child(name="a", argv=(sys.executable, "-c", "import sys; sys.exit('reason')"), inherits=True)
    with pytest.raises(ChildFailed) as raised:
        await supervise([[child]])
    assert str(raised.value) == "a ended by itself (exit code 1); its log has the reason"
    assert capfd.readouterr().err == "reason\n"


async def test_a_child_in_our_process_group_is_killed_alone() -> None:
    child = Child(name="a", argv=(sys.executable, "-c", IGNORE_SIGTERM), inherits=True, stop_seconds=0.2)
    async with asyncio.timeout(5):
        await supervise([[child]], on_ready=send())


async def test_a_child_is_drained_before_it_is_stopped(journal: Journal) -> None:
    async def drain() -> None:
        with journal.file.open("a") as file:
            file.write("drained\n")

    await supervise([[journal.child("a", drain=drain)]], on_ready=send())
    assert journal.lines() == ["a starts", "drained", "a stops"]


async def test_a_drain_that_fails_does_not_prevent_the_stop(journal: Journal) -> None:
    async def drain() -> None:
        raise ConnectionRefusedError

    await supervise([[journal.child("a", drain=drain)]], on_ready=send())
    assert journal.lines() == ["a starts", "a stops"]


async def test_a_drain_that_takes_too_long_is_cancelled(journal: Journal) -> None:
    child = journal.child("a", drain=asyncio.Event().wait, stop_seconds=0.2)
    await supervise([[child]], on_ready=send())
    assert journal.lines() == ["a starts", "a stops"]


async def test_a_child_that_ends_by_itself_stops_the_others(journal: Journal) -> None:
    dying = Child(name="b", argv=(sys.executable, "-c", "print('one\\ntwo'); exit(3)"), ready=at_once)
    with pytest.raises(ChildFailed) as raised:
        await supervise([[journal.child("a")], [dying]])
    assert str(raised.value) == "b ended by itself (exit code 3); its last lines:\n  one\n  two"
    assert journal.lines() == ["a starts", "a stops"]


DIES_ONCE = """
import os, pathlib, signal, sys
journal = pathlib.Path(sys.argv[1])
again = journal.exists() and f"{sys.argv[2]} starts" in journal.read_text()
with journal.open("a") as file:
    file.write(sys.argv[2] + " starts\\n")
while not again:
    again = pathlib.Path(sys.argv[1] + ".die").exists()
    if again:
        os.kill(os.getpid(), 9)
signal.pause()
"""


async def test_a_child_that_dies_is_started_again_alone(journal: Journal) -> None:
    def die() -> None:
        Path(f"{journal.file}.die").touch()

    async def stop_after_restart() -> None:
        await until(lambda: journal.lines().count("b starts") == 2)
        send()()

    stage = [journal.child("a"), journal.child("b", DIES_ONCE)]
    await asyncio.gather(supervise([stage], on_ready=die, restarts=Restarts()), stop_after_restart())
    assert sorted(journal.lines()) == ["a starts", "a stops", "b starts", "b starts"]


async def test_a_child_that_dies_before_all_are_ready_is_not_started_again(journal: Journal) -> None:
    async def never() -> bool:
        return False

    dying = Child(name="b", argv=(sys.executable, "-c", "exit(3)"), ready=never)
    with pytest.raises(ChildFailed, match="b ended by itself"):
        await supervise([[journal.child("a"), dying]], restarts=Restarts())


async def test_a_child_is_prepared_before_its_start(journal: Journal) -> None:
    def prepare() -> None:
        journal.file.write_text("prepared\n")

    await supervise([[journal.child("a", prepare=prepare)]], on_ready=send())
    assert journal.lines() == ["prepared", "a starts", "a stops"]


async def test_a_killed_child_is_reported_with_its_signal() -> None:
    code = "import os; os.kill(os.getpid(), 9)"
    with pytest.raises(ChildFailed) as raised:
        await supervise([[Child(name="a", argv=(sys.executable, "-c", code), ready=at_once)]])
    assert str(raised.value) == "a ended by itself (killed by SIGKILL); its last lines:\n  (it wrote nothing)"


async def test_only_the_last_lines_are_reported() -> None:
    code = "for number in range(100): print(number)"
    with pytest.raises(ChildFailed) as raised:
        await supervise([[Child(name="a", argv=(sys.executable, "-c", code), ready=at_once)]])
    assert raised.value.last_lines == tuple(map(str, range(80, 100)))


async def test_a_child_that_is_not_ready_in_time_fails(journal: Journal) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(ChildFailed) as raised:
        await supervise([[journal.child("a")], [Child(name="b", argv=("sleep", "60"), ready=never, ready_seconds=0.1)]])
    assert str(raised.value) == "b was not ready after 0 s; its last lines:\n  (it wrote nothing)"
    assert journal.lines() == ["a starts", "a stops"]


async def test_a_child_that_cannot_be_started_stops_the_others(journal: Journal) -> None:
    missing = Child(name="b", argv=("/nowhere/envoy",), ready=at_once)
    with pytest.raises(FileNotFoundError, match="/nowhere/envoy"):
        await supervise([[journal.child("a")], [missing]])
    assert journal.lines() == ["a starts", "a stops"]


async def test_a_signal_during_the_start_stops_the_children(journal: Journal) -> None:
    async def never() -> bool:
        send()()
        return False

    ready: list[str] = []
    waiting = Child(name="b", argv=("sleep", "60"), ready=never)
    await supervise([[journal.child("a")], [waiting]], on_ready=lambda: ready.append("ready"))
    assert (journal.lines(), ready) == (["a starts", "a stops"], [])


async def test_a_child_that_ignores_sigterm_is_killed() -> None:
    lines: list[str] = []

    async def ready() -> bool:
        return "started" in lines

    child = Child(name="a", argv=(sys.executable, "-c", IGNORE_SIGTERM), ready=ready, stop_seconds=0.2)
    async with asyncio.timeout(5):
        await supervise([[child]], on_ready=send(), on_log=lambda _, line: lines.append(line))


async def test_a_second_signal_kills() -> None:
    lines: list[str] = []

    async def ready() -> bool:
        return "started" in lines

    async def send_second_signal() -> None:
        send(signal.SIGINT)()

    child = Child(
        name="a", argv=(sys.executable, "-c", IGNORE_SIGTERM), ready=ready, drain=send_second_signal, stop_seconds=60
    )
    async with asyncio.timeout(5):
        await supervise([[child]], on_ready=send(signal.SIGINT), on_log=lambda _, line: lines.append(line))


async def test_processes_that_a_child_has_started_end_with_it() -> None:
    code = "import subprocess, signal; print(subprocess.Popen(['sleep', '60']).pid, flush=True); signal.pause()"
    pids: list[int] = []

    async def ready() -> bool:
        return bool(pids)

    child = Child(name="a", argv=(sys.executable, "-c", code), ready=ready)
    await supervise([[child]], on_ready=send(), on_log=lambda _, line: pids.append(int(line)))
    await until(lambda: not alive(pids[0]))


async def test_log_lines_are_complete_at_any_length() -> None:
    code = "print('x' * 200_000); print('no newline', end='')"
    lines: list[tuple[str, str]] = []
    with pytest.raises(ChildFailed):
        await supervise(
            [[Child(name="a", argv=(sys.executable, "-c", code), ready=at_once)]],
            on_log=lambda name, line: lines.append((name, line)),
        )
    assert lines == [("a", "x" * 200_000), ("a", "no newline")]


async def test_a_child_gets_its_environment_added_to_ours() -> None:
    code = "import os; print(os.environ['NEW'], 'PATH' in os.environ)"
    lines: list[str] = []
    child = Child(name="a", argv=(sys.executable, "-c", code), env={"NEW": "new"}, ready=at_once)
    with pytest.raises(ChildFailed):
        await supervise([[child]], on_log=lambda _, line: lines.append(line))
    assert lines == ["new True"]


PARENT = """
import asyncio, sys
from aigw_extproc.serve.child import Child
from aigw_extproc.serve.restarts import Restarts
from aigw_extproc.serve.supervisor import Supervisor
pids = []
async def ready(): return len(pids) == 1
code = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
child = Child(name="a", argv=(sys.executable, "-c", code), ready=ready)
async def main():
    supervisor = Supervisor([[child]], lambda _, line: pids.append(line))
    await supervisor.run(asyncio.Event(), on_ready=lambda: print(pids[0], flush=True))
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
async def test_no_child_outlives_a_parent_that_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert alive(child)
    parent.kill()
    await parent.wait()
    await until(lambda: not alive(child))
