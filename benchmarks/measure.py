"""Measurement of a scenario on a running stack: the load, and the resources of its processes."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence

import msgspec

from benchmarks.load import Load, run
from benchmarks.proc import cpu_seconds, resident_megabytes
from benchmarks.scenarios import Scenario
from benchmarks.stacks import RunningStack

LIMIT = 120.0
"""Seconds that a measurement may take."""


class BenchmarkFailed(Exception):
    """A response was wrong."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a scenario on a stack in one round, without failed requests."""

    part: str
    scenario: str
    x: float
    """The variable of the part: bytes, routes or workers."""
    stack: str
    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    first_byte_p50_ms: float
    messages: float
    """ext_proc messages from Envoy per exchange."""
    cpu_us: dict[str, float]
    """User and system time per exchange of all processes of a role, by role."""
    busiest_us: dict[str, float]
    """User and system time per exchange of the busiest process of a role, by role."""
    resident_mb: dict[str, float]


async def measure_all(
    scenarios: Sequence[Scenario], stacks: Sequence[RunningStack], *, rounds: int, share: float
) -> list[Measurement]:
    """Measure in rounds that go from stack to stack, so that other load on the machine affects them alike.

    `share` is the share of its requests that a scenario sends. Raises as `measure` does.
    """
    return [
        await measure(scenario, running, count=max(int(scenario.requests * share), scenario.connections, 2))
        for _ in range(rounds)
        for scenario in scenarios
        for running in stacks
    ]


async def measure(scenario: Scenario, running: RunningStack, *, count: int) -> Measurement:
    """Measure a scenario on a stack, after a tenth of the requests as warm-up.

    Raises:
        BenchmarkFailed: a response was wrong.
        TimeoutError: it took more than `LIMIT`.
    """
    print(f"{scenario.name}, {running.stack.name}", file=sys.stderr)
    await _load(scenario, running, max(count // 10, scenario.connections))
    before, messages = _cpu(running), await running.messages()
    load = await _load(scenario, running, count)
    spent = {role: _spent(before[role], after, count) for role, after in _cpu(running).items()}
    return Measurement(
        part=scenario.part,
        scenario=scenario.name,
        x=scenario.x,
        stack=running.stack.name,
        requests=count,
        requests_per_second=count / load.seconds,
        p50_ms=_percentile(load.latencies, 50),
        p99_ms=_percentile(load.latencies, 99),
        first_byte_p50_ms=_percentile(load.first_bytes, 50),
        messages=(await running.messages() - messages) / count,
        cpu_us={role: sum(values) for role, values in spent.items()},
        busiest_us={role: max(values) for role, values in spent.items()},
        resident_mb={role: resident_megabytes(pid) for role, pid in running.pids.items()},
    )


async def _load(scenario: Scenario, running: RunningStack, count: int) -> Load:
    request = scenario.request(running.stack)
    load = await run(
        running.port, request, connections=scenario.connections, count=count, limit=LIMIT, rate=scenario.rate
    )
    if load.failures:
        failed = f"{scenario.name}, {running.stack.name}: {len(load.failures)} of {count} requests failed"
        raise BenchmarkFailed(f"{failed}; the first response:\n{load.failures[0].decode(errors='replace')}")
    return load


def _cpu(running: RunningStack) -> dict[str, dict[int, float]]:
    return {role: cpu_seconds(pid) for role, pid in running.pids.items()}


def _spent(before: Mapping[int, float], after: Mapping[int, float], count: int) -> list[float]:
    """Return the microseconds per exchange of each process."""
    return [(seconds - before.get(pid, 0.0)) / count * 1e6 for pid, seconds in after.items()]


def _percentile(seconds: list[float], percent: int) -> float:
    """Return a percentile in milliseconds."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1e3
