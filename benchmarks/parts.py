"""The parts of the benchmark. Each starts the stacks that it measures, and adds its results to the `Findings`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aigw_extproc.config.snapshot import Address
from aigw_extproc.serve.child import Child, OnLog
from aigw_extproc.serve.source import ConfigurationSource
from benchmarks.crosscheck import cross_check
from benchmarks.findings import Findings, Idle, Start
from benchmarks.load import Request, open_streams
from benchmarks.measure import LIMIT, measure_all
from benchmarks.proc import cpu_seconds, resident_megabytes
from benchmarks.processes import running
from benchmarks.routing import failing_over, resources
from benchmarks.scenarios import CHAT, SCENARIOS, SIZES, STREAM, with_attempts, with_routes, with_workers
from benchmarks.stacks import ALONE, PAIRS, STACKS, RunningStack, running_stack, running_stacks, running_upstream

INTERVAL = ("--interval", "0.005")
"""Seconds between two pieces of a stream: fast for a model, slow enough to keep the pieces apart."""
IDLE = (*INTERVAL, "--writes", "4")
"""Options for idle streams, which stop after the head, the start of the message and two pieces of text."""
ROUTES = (1, 100, 2000)
WORKERS = (1, 2)
STREAMS = (0, 1, 200, 2000)
STARTS = 5
OURS = tuple(pair.ours for pair in PAIRS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """The extent of a run."""

    rounds: int
    share: float = 1.0
    """Share of each scenario's requests, of the open streams, and of the seconds that these are measured."""
    on_log: OnLog


async def gateway(folder: Path, effort: Effort, findings: Findings) -> None:
    """Measure buffered and streamed responses on every stack, one and many at a time."""
    async with (
        running_upstream(folder, *INTERVAL, on_log=effort.on_log) as upstream,
        running_stacks(STACKS, folder, upstream, on_log=effort.on_log) as stacks,
    ):
        findings.measurements.extend(await measure_all(SCENARIOS, stacks, rounds=effort.rounds, share=effort.share))
        for running_one in (one for one in stacks if one.stack in (ALONE, OURS[-1])):
            findings.checks.extend(await cross_check(running_one, CHAT, share=effort.share))


async def sizes(folder: Path, effort: Effort, findings: Findings) -> None:
    """Measure request bodies from 1 kB to 25 MB on every stack."""
    async with (
        running_upstream(folder, *INTERVAL, on_log=effort.on_log) as upstream,
        running_stacks(STACKS, folder, upstream, on_log=effort.on_log) as stacks,
    ):
        findings.measurements.extend(await measure_all(SIZES, stacks, rounds=effort.rounds, share=effort.share))


async def routes(folder: Path, effort: Effort, findings: Findings) -> None:
    """Measure ours with 1 to 2,000 routes."""
    async with running_upstream(folder, *INTERVAL, on_log=effort.on_log) as upstream:
        for number in ROUTES:
            file = folder / f"{number}.yaml"
            file.write_text(resources(number, port=upstream.port))
            for stack in OURS:
                place, source = folder / f"{stack.name}, {number}", ConfigurationSource(paths=(file,))
                async with running_stack(stack, place, upstream, source=source, on_log=effort.on_log) as one:
                    findings.measurements.extend(
                        await measure_all([with_routes(number)], [one], rounds=effort.rounds, share=effort.share)
                    )


async def failover(folder: Path, effort: Effort, findings: Findings) -> None:
    """Measure ours with a rule of one backend, and of two of which the first one answers."""
    async with running_upstream(folder, *INTERVAL, on_log=effort.on_log) as upstream:
        file = folder / "failover.yaml"
        file.write_text(failing_over(port=upstream.port))
        for attempts, source in ((False, upstream.source), (True, ConfigurationSource(paths=(file,)))):
            for stack in OURS:
                place = folder / f"{stack.name}, {int(attempts)}"
                async with running_stack(stack, place, upstream, source=source, on_log=effort.on_log) as one:
                    findings.measurements.extend(
                        await measure_all(with_attempts(attempts), [one], rounds=effort.rounds, share=effort.share)
                    )


async def workers(folder: Path, effort: Effort, findings: Findings) -> None:
    """Measure ours with one worker and with two."""
    async with running_upstream(folder, *INTERVAL, on_log=effort.on_log) as upstream:
        for number in WORKERS:
            for stack in OURS:
                place = folder / f"{stack.name}, {number}"
                async with running_stack(stack, place, upstream, workers=number, on_log=effort.on_log) as one:
                    findings.measurements.extend(
                        await measure_all([with_workers(number)], [one], rounds=effort.rounds, share=effort.share)
                    )


async def streams(folder: Path, effort: Effort, findings: Findings) -> None:
    """Measure ours with 0 to 2,000 idle streams."""
    async with running_upstream(folder, *IDLE, on_log=effort.on_log) as upstream:
        for stack in OURS:
            for number in STREAMS:
                place = folder / f"{stack.name}, {number}"
                async with running_stack(stack, place, upstream, on_log=effort.on_log) as one:
                    findings.idle.append(await _idle(one, int(number * effort.share), seconds=5 * effort.share))


async def _idle(one: RunningStack, number: int, *, seconds: float) -> Idle:
    complete = STREAM.request(one.stack)
    # The first space is in the text, after the role.
    request = Request(path=complete.path, body=complete.body, expected=b" ")
    async with open_streams(one.port, request, count=number, limit=LIMIT):
        await asyncio.sleep(min(1.0, seconds))  # until the work of opening them is done
        before = _processor_cpu(one)
        await asyncio.sleep(seconds)
        cores = (_processor_cpu(one) - before) / seconds
        return Idle(
            stack=one.stack.name,
            streams=number,
            cpu_percent=cores * 100,
            resident_mb={role: resident_megabytes(pid) for role, pid in one.pids.items()},
        )


def _processor_cpu(one: RunningStack) -> float:
    return sum(cpu_seconds(one.pids["processor"]).values())


async def startup(folder: Path, effort: Effort, findings: Findings) -> None:
    """Measure the time from the command to the ready line of ours."""
    for stack in OURS:
        for number in range(max(2, int(STARTS * effort.share))):
            assert stack.processor is not None
            listen = f"unix://{folder / f'{number}.sock'}"
            source = ConfigurationSource(simulator=Address(host="127.0.0.1", port=9))
            seconds = await _start(stack.processor(listen, source, 1), effort.on_log)
            findings.starts.append(Start(stack=stack.name, seconds=seconds))


async def _start(argv: tuple[str, ...], on_log: OnLog) -> float:
    ready = asyncio.Event()

    def look(name: str, line: str) -> None:
        on_log(name, line)
        if "ready" in line:
            ready.set()

    async def is_ready() -> bool:
        return ready.is_set()

    started = time.perf_counter()
    async with running(Child(name="processor", argv=argv, ready=is_ready), look) as process:
        waiting = asyncio.ensure_future(process.until_ready())  # raises when it exits or takes too long
        await asyncio.wait([waiting, asyncio.ensure_future(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
        seconds = time.perf_counter() - started
        await waiting
    return seconds


Part = Callable[[Path, Effort, Findings], Awaitable[None]]
PARTS: dict[str, Part] = {part.__name__: part for part in (gateway, sizes, routes, failover, streams, workers, startup)}
"""By name in `--only`."""
