"""Comparison of our load generator with h2load, of Debian's nghttp2-client, where it is installed."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from pathlib import Path

import msgspec

from benchmarks.measure import BenchmarkFailed, measure
from benchmarks.scenarios import Scenario
from benchmarks.stacks import RunningStack

_RATE = re.compile(r"^finished in .*, ([\d.]+) req/s", re.MULTILINE)
_GOOD = re.compile(r"^status codes: (\d+) 2xx", re.MULTILINE)


class CrossCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of the two generators for the same requests to the same stack."""

    stack: str
    scenario: str
    ours_per_second: float
    h2load_per_second: float


async def cross_check(running: RunningStack, scenario: Scenario, *, share: float) -> list[CrossCheck]:
    """Run both generators; return nothing where h2load is not installed.

    Raises:
        BenchmarkFailed: a response was wrong.
    """
    if shutil.which("h2load") is None:
        return []
    count = max(int(scenario.requests * share), scenario.connections)
    measured = await measure(scenario, running, count=count)
    return [
        CrossCheck(
            stack=running.stack.name,
            scenario=scenario.name,
            ours_per_second=measured.requests_per_second,
            h2load_per_second=await _h2load(running, scenario, count),
        )
    ]


async def _h2load(running: RunningStack, scenario: Scenario, count: int) -> float:
    request = scenario.request(running.stack)
    with tempfile.NamedTemporaryFile() as body:
        await asyncio.to_thread(Path(body.name).write_bytes, request.body)
        load = ("--h1", "-n", str(count), "-c", str(scenario.connections), "-d", body.name)
        what = ("-H", "content-type: application/json", f"http://127.0.0.1:{running.port}{request.path}")
        process = await asyncio.create_subprocess_exec("h2load", *load, *what, stdout=asyncio.subprocess.PIPE)
        text = (await process.communicate())[0].decode()
    rate, good = _RATE.search(text), _GOOD.search(text)
    if rate is None or good is None or int(good[1]) != count:
        raise BenchmarkFailed(f"h2load, {running.stack.name}:\n{text}")
    return float(rate[1])
