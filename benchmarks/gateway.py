"""What the processor adds to Envoy: CPU, latency and memory, for whole and for streamed answers.

Run `make bench`, or `python -m benchmarks.gateway --json FILE`; `--quick` for seconds instead of a minute. Scenarios
times stacks, in rounds that go from stack to stack; every figure is the median of the rounds. Machines differ and are
noisy: compare within a run. Everything is on loopback, on ports that the system picks. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from aigw_extproc.envoy.binary import EnvoyNotFound
from aigw_extproc.run.child import ChildFailed
from benchmarks.load import Load, run
from benchmarks.proc import cpu_seconds, resident_megabytes
from benchmarks.report import Measurement, Report, report, show
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.stacks import RunningStack, running_stacks

INTERVAL = 0.005
"""Seconds between two pieces of a stream: fast for a model, slow enough for each piece to travel alone."""
LIMIT = 120.0
"""Seconds that one measurement may take."""
QUICK = 0.05
"""Of the requests that a full run sends."""


class BenchmarkFailed(Exception):
    """A request was not answered as it should have been."""


async def measure(scenario: Scenario, running: RunningStack, *, count: int) -> Measurement:
    """One scenario on one stack, warmed up by a tenth of the requests.

    Raises:
        BenchmarkFailed: an answer was wrong.
        TimeoutError: it took more than `LIMIT`.
    """
    await _load(scenario, running, max(count // 10, scenario.connections))
    cpu, messages = _cpu(running), await running.messages()
    load = await _load(scenario, running, count)
    spent = {role: (after - cpu[role]) / count * 1e6 for role, after in _cpu(running).items()}
    return Measurement(
        scenario=scenario.name,
        stack=running.stack.name,
        requests=count,
        requests_per_second=count / load.seconds,
        p50_ms=_percentile(load.latencies, 50),
        p99_ms=_percentile(load.latencies, 99),
        first_byte_p50_ms=_percentile(load.first_bytes, 50),
        messages=(await running.messages() - messages) / count,
        cpu_us=spent,
        resident_mb={role: resident_megabytes(pid) for role, pid in running.pids.items()},
    )


async def _load(scenario: Scenario, running: RunningStack, count: int) -> Load:
    request = scenario.request(running.stack)
    load = await run(running.port, request, connections=scenario.connections, count=count, limit=LIMIT)
    if load.failures:
        failed = f"{scenario.name}, {running.stack.name}: {len(load.failures)} of {count} requests failed"
        raise BenchmarkFailed(f"{failed}; the first answer:\n{load.failures[0].decode(errors='replace')}")
    return load


def _cpu(running: RunningStack) -> dict[str, float]:
    return {role: cpu_seconds(pid) for role, pid in running.pids.items()}


def _percentile(seconds: list[float], percent: int) -> float:
    """In milliseconds."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1e3


async def benchmark(*, rounds: int, share: float, on_log: Callable[[str, str], None]) -> Report:
    """Everything, `rounds` times over, with this share of the requests."""
    measurements = []
    with tempfile.TemporaryDirectory(prefix="aigw-bench-") as name:
        async with running_stacks(Path(name), interval=INTERVAL, on_log=on_log) as stacks:
            for number in range(rounds):
                for scenario in SCENARIOS:
                    count = max(int(scenario.requests * share), scenario.connections)
                    for running in stacks:
                        print(f"round {number + 1}: {scenario.name}, {running.stack.name}", file=sys.stderr)
                        measurements.append(await measure(scenario, running, count=count))
    return report(measurements, rounds=rounds)


def main() -> None:
    """Prints the table; exits with 1 when a request failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement to this file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round with few requests: does it work at all?")
    options = parser.parse_args()
    log: deque[str] = deque(maxlen=30)
    try:
        results = asyncio.run(
            benchmark(
                rounds=1 if options.quick else options.rounds,
                share=QUICK if options.quick else 1.0,
                on_log=lambda name, line: log.append(f"{name}: {line}"),
            )
        )
    except (BenchmarkFailed, ChildFailed, EnvoyNotFound, TimeoutError) as error:
        sys.exit("\n".join((*log, f"the benchmark failed: {error or type(error).__name__}")))
    show(results)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")


if __name__ == "__main__":
    main()
