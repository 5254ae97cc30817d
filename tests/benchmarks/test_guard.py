"""A guard that does not depend on the machine: ours beside a processor that does nothing, in turns, in the same run.

CPU time as a ratio, median of rounds, tried again once: a busy machine makes both slower. The bounds are about one and
a half times what was measured when they were set; they catch what makes an exchange or a chunk dearer by half.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from benchmarks.bounds import chunk_us, exchange_us
from benchmarks.measure import measure_all
from benchmarks.parts import INTERVAL
from benchmarks.scenarios import CHAT, STREAM
from benchmarks.stacks import PAIRS, Pair, running_stacks, running_upstream

ROUNDS = 3
SHARE = 0.1
BOUNDS = {"grpc": (2.9, 2.5), "h2corn": (3.7, 2.5)}
"""By transport: per exchange and per chunk, times the no-op."""


async def _ratios(pair: Pair) -> tuple[float, float]:
    """What ours spends per exchange and per chunk, times the no-op."""
    with tempfile.TemporaryDirectory(prefix="aigw-guard-") as name:
        folder = Path(name)
        async with (
            running_upstream(folder, *INTERVAL, on_log=print) as upstream,
            running_stacks((pair.noop, pair.ours), folder, upstream, on_log=print) as stacks,
        ):
            found = await measure_all((CHAT, STREAM), stacks, rounds=ROUNDS, share=SHARE)
    exchange, chunk = (cost(found, pair.ours) / cost(found, pair.noop) for cost in (exchange_us, chunk_us))
    return exchange, chunk


@pytest.mark.parametrize("transport", PAIRS)
async def test_ours_stays_within_its_ratio_to_a_processor_that_does_nothing(transport: str) -> None:
    tried: list[tuple[float, float]] = []
    for _ in range(2):
        tried.append(await _ratios(PAIRS[transport]))
        if all(ratio <= bound for ratio, bound in zip(tried[-1], BOUNDS[transport], strict=True)):
            return
    pytest.fail(f"{transport}: (exchange, chunk) {tried} times the no-op, each time over one of {BOUNDS[transport]}")
