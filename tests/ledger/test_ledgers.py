"""Both ledgers count the same, for all processes together, and lose nothing that they have acknowledged."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aigw_extproc.config.limits import Limit
from aigw_extproc.errors import LimitsUnavailable
from aigw_extproc.exchange.messages import NeedLimits
from aigw_extproc.ledger.connect import Allowances, Ledger, open_ledger
from aigw_extproc.limits.counting import SHADOW, Charge, Hit, Verdict, refusing
from tests.store.running import needs_redis, running_redis

END = 4_000_000_000
NewLedger = Callable[[], Ledger]


def hit(key: str, limit: int, amount: int = 1, group: int = 0) -> Hit:
    return Hit(key, END, limit, amount, group)


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty ledger is."""
    if request.param == "sqlite":
        yield str(tmp_path / "limits.sqlite")
    else:
        with running_redis() as url:
            yield url


@pytest.fixture
async def new_ledger(place: str) -> AsyncIterator[NewLedger]:
    """Opens the ledger; closes it at the end."""
    ledgers: list[Ledger] = []

    def new() -> Ledger:
        ledgers.append(open_ledger(place))
        return ledgers[-1]

    yield new
    for ledger in ledgers:
        await ledger.close()


async def test_a_request_takes_from_all_counters_or_from_none(new_ledger: NewLedger) -> None:
    ledger, other = new_ledger(), new_ledger()
    hits = [hit("a", 2), hit("b", 1, group=1)]
    assert await ledger.take(hits) == Verdict(refused=False, used=(0, 0))
    assert await other.take(hits) == Verdict(refused=True, used=(1, 1))
    assert await ledger.take([hit("a", 2)]) == Verdict(refused=False, used=(1,))
    assert await other.take([hit("a", 2)]) == Verdict(refused=True, used=(2,))


async def test_charges_have_no_limit_and_nothing_falls_below_zero(new_ledger: NewLedger) -> None:
    ledger = new_ledger()
    await ledger.add([Charge("a", END, 2**40), Charge("b", END, 3), Charge("c", END, -5)])
    await ledger.add([Charge("a", END, 1), Charge("b", END, -7)])
    peeks = [hit(key, 1, amount=0, group=SHADOW) for key in "abc"]
    assert await ledger.take(peeks) == Verdict(refused=False, used=(2**40 + 1, 0, 0))


HITS = st.lists(
    st.builds(hit, st.sampled_from("abc"), st.integers(0, 4), st.integers(0, 3), st.sampled_from([SHADOW, 0, 1])),
    min_size=1,
    max_size=4,
    unique_by=lambda each: each.key,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(calls=st.lists(HITS, min_size=1, max_size=8))
async def test_every_ledger_counts_as_the_model_does(new_ledger: NewLedger, calls: list[list[Hit]]) -> None:
    ledger, counts = new_ledger(), dict.fromkeys("abc", 0)
    await ledger.add([Charge(key, END, -(2**50)) for key in "abc"])
    for hits in calls:
        used = tuple(counts[each.key] for each in hits)
        refused = bool(refusing(hits, used))
        assert await ledger.take(hits) == Verdict(refused=refused, used=used)
        for each in () if refused else hits:
            counts[each.key] += each.amount


COUNTER = """
import asyncio, sys
from aigw_extproc.ledger.connect import open_ledger
from aigw_extproc.limits.counting import Charge, Hit

async def main(place, times):
    ledger = open_ledger(place)
    for number in range(int(times)):
        await ledger.take([Hit("a", 4_000_000_000, 10**9, 1, 0)])
        await ledger.add([Charge("b", 4_000_000_000, 7)])
        print(number + 1, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def counting(place: str, times: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", COUNTER, place, str(times)], stdout=subprocess.PIPE, text=True)


async def counts(ledger: Ledger) -> tuple[int, ...]:
    return (await ledger.take([hit("a", 10**9, 0), hit("b", 10**9, 0)])).used


async def test_processes_that_count_at_the_same_time_lose_nothing(place: str, new_ledger: NewLedger) -> None:
    processes = [counting(place, 300) for _ in range(3)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert await counts(new_ledger()) == (900, 6300)


async def test_nothing_is_lost_that_a_killed_process_has_counted(place: str, new_ledger: NewLedger) -> None:
    acknowledged = 0
    with counting(place, 10**6) as process:
        for line in process.stdout or ():
            acknowledged = int(line)
            if acknowledged == 50:
                process.kill()
    requests, tokens = await counts(new_ledger())
    assert requests in (acknowledged, acknowledged + 1)
    assert tokens in (7 * acknowledged, 7 * acknowledged + 7)


def test_the_file_is_for_its_user_only(tmp_path: Path) -> None:
    open_ledger(str(tmp_path / "limits.sqlite"))
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {0o600}


def test_a_file_that_is_no_ledger_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    path.write_text("something else, of more than the hundred bytes that the header of a database has" * 4)
    with pytest.raises(OSError, match=r"limits\.sqlite: file is not a database"):
        open_ledger(str(path))


def needed(*, fail_open: bool) -> NeedLimits:
    limit = Limit(name="a", policy="P", limit=5, unit="Day", fail_open=fail_open)
    return NeedLimits(hits=(hit("a", 5),), limits=(limit,), dues=())


@needs_redis
async def test_while_redis_is_gone_limits_are_closed_or_open_as_they_say(caplog: pytest.LogCaptureFixture) -> None:
    with running_redis() as url:
        allowances = Allowances(open_ledger(url))
        assert await allowances.take(needed(fail_open=False)) == Verdict(refused=False, used=(0,))
    with pytest.raises(LimitsUnavailable):
        await allowances.take(needed(fail_open=False))
    assert await allowances.take(needed(fail_open=True)) is None
    assert caplog.messages == ["the ledger of limits does not answer: ConnectionError"]


@needs_redis
async def test_what_redis_did_not_take_is_charged_when_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "r.sock"
    allowances = Allowances(open_ledger(f"unix://{path}"))
    await allowances.charge([Charge("b", END, 5)])
    with running_redis(path) as url:
        ledger = open_ledger(url)
        async with asyncio.TaskGroup() as tasks:
            tending = tasks.create_task(allowances.tend())
            async with asyncio.timeout(20):
                while await counts(ledger) != (0, 5):  # noqa: ASYNC110 - another task's work
                    await asyncio.sleep(0.05)
            tending.cancel()
        await allowances.close()
        await ledger.close()
