"""A guard against regressions that does not depend on the machine: our CPU time relative to the no-op processor's.

Medians of rounds that alternate between the two, with one retry, since a busy machine slows down both. The bounds are
about one and a half times the ratios measured when they were set.
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
BOUNDS = {"http2": (4.8, 3.4), "grpc": (2.9, 2.5)}
"""Maximal ratios per exchange and per chunk, by transport."""


async def _ratios(pair: Pair) -> tuple[float, float]:
    """Return the ratios of our CPU to the no-op's, per exchange and per chunk."""
    with tempfile.TemporaryDirectory(prefix="aigw-guard-") as name:
        folder = Path(name)
        async with (
            running_upstream(folder, *INTERVAL, on_log=print) as upstream,
            running_stacks((pair.noop, pair.ours), folder, upstream, on_log=print) as stacks,
        ):
            rows = await measure_all((CHAT, STREAM), stacks, rounds=ROUNDS, share=SHARE)
    exchange, chunk = (cost(rows, pair.ours) / cost(rows, pair.noop) for cost in (exchange_us, chunk_us))
    return exchange, chunk


@pytest.mark.parametrize("transport", PAIRS)
async def test_our_cpu_stays_within_its_ratio_to_the_noop(transport: str) -> None:
    tried: list[tuple[float, float]] = []
    for _ in range(2):
        tried.append(await _ratios(PAIRS[transport]))
        if all(ratio <= bound for ratio, bound in zip(tried[-1], BOUNDS[transport], strict=True)):
            return
    pytest.fail(f"{transport}: (exchange, chunk) {tried} times the no-op, each time over one of {BOUNDS[transport]}")
