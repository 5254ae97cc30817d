"""The cost of refused requests beside served ones: one JSON line per case, microseconds of CPU per request.

Run `python -m benchmarks.refusals [TRANSPORT]`. Chats over 16 connections, alternating between two cases: served with a
valid key, and refused for a wrong one.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from aigw_extproc.config.files import key_file
from benchmarks.load import Request, run
from benchmarks.proc import cpu_seconds
from benchmarks.scenarios import CHAT
from benchmarks.stacks import PAIRS, RunningStack, running_stack, running_upstream

ROUNDS = 5
COUNT = 2000
UNAUTHORIZED = b'"invalid_api_key"'


def cases(served: Request, key: str) -> dict[str, Request]:
    """Return the requests by name."""
    return {
        "served": replace(served, headers=f"authorization: Bearer {key}\r\n"),
        "refused": replace(served, headers="authorization: Bearer junk\r\n", status=401, expected=UNAUTHORIZED),
    }


async def cpu_us(stack: RunningStack, request: Request) -> dict[str, float]:
    """Return the CPU time of a request by role, in microseconds."""
    before = {role: sum(cpu_seconds(pid).values()) for role, pid in stack.pids.items()}
    load = await run(stack.port, request, connections=16, count=COUNT, limit=60)
    if load.failures:
        raise SystemExit(f"{len(load.failures)} wrong responses; the first one: {load.failures[0]!r}")
    after = {role: sum(cpu_seconds(pid).values()) for role, pid in stack.pids.items()}
    return {role: (after[role] - before[role]) / COUNT * 1e6 for role in ("envoy", "processor")}


async def main(transport: str) -> None:
    """Measure on one transport."""
    stack = PAIRS[transport].ours  # type: ignore[index] # checked by its KeyError
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        folder = Path(name)
        key = key_file.create(folder / "keys.yaml", "benchmark")
        async with running_upstream(folder, "--interval", "0", on_log=lambda *_: None) as upstream:
            source = replace(upstream.source, api_keys=folder / "keys.yaml")
            async with running_stack(stack, folder / "0", upstream, on_log=lambda *_: None, source=source) as running:
                requests = cases(CHAT.request(stack), key)
                results: dict[str, list[dict[str, float]]] = {case: [] for case in requests}
                for _ in range(ROUNDS + 1):  # the first one warms up
                    for case, request in requests.items():
                        results[case].append(await cpu_us(running, request))
    for case, rounds in results.items():
        roles = {role: statistics.median(one[role] for one in rounds[1:]) for role in ("envoy", "processor")}
        print(json.dumps({"case": case, **{role: round(value) for role, value in roles.items()}}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*(sys.argv[1:] or ["http2"])))
