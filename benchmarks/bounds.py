"""Bounds of the processor's cost, each with the measured figure. Medians of the rounds; ratios within one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator

import msgspec

from benchmarks.findings import Findings
from benchmarks.measure import Measurement
from benchmarks.scenarios import CHAT, PEERS, SIZES, STREAM
from benchmarks.stacks import PAIRS, Pair, Stack

MEMORY_MB, STREAM_MB = 80, 0.010
"""Memory of one worker, and of each open stream."""
PEER = "LiteLLM"


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A figure and its bound."""

    what: str
    found: float
    bound: float
    unit: str
    at_most: bool
    """The bound is an upper limit; otherwise a lower one."""
    held: bool

    @property
    def found_text(self) -> str:
        """Return the figure with its unit."""
        return f"{self.found:,.2f} {self.unit}".rstrip()

    @property
    def bound_text(self) -> str:
        """Return the bound with its unit."""
        return f"{'≤' if self.at_most else '≥'} {self.bound:,.4g} {self.unit}".rstrip()


def at_most(what: str, found: float, bound: float, unit: str) -> Bound:
    """Return a figure with its upper limit."""
    return Bound(what=what, found=found, bound=bound, unit=unit, at_most=True, held=found <= bound)


def at_least(what: str, found: float, bound: float, unit: str = "times") -> Bound:
    """Return a figure with its lower limit."""
    return Bound(what=what, found=found, bound=bound, unit=unit, at_most=False, held=found >= bound)


def bounds(findings: Findings) -> Iterator[Bound]:
    """Yield the bounds of the parts that have run."""
    ran = {one.part for one in findings.measurements}
    for transport, pair in PAIRS.items():
        for part, part_bounds in _PART_BOUNDS.items():
            if part in ran:
                yield from part_bounds(transport, pair, findings.measurements)
        yield from _idle(pair, findings)
        yield from _start(pair, findings)
    if "gateway" in ran:
        yield from _transports(findings.measurements)


def exchange_us(measurements: list[Measurement], stack: Stack, scenario: str = CHAT.name) -> float:
    """Return the processor's CPU per exchange, in microseconds."""
    return statistics.median(one.cpu_us["processor"] for one in _of(measurements, scenario, stack.name))


def chunk_us(measurements: list[Measurement], stack: Stack) -> float:
    """Return the processor's CPU per chunk: extra CPU of a streamed exchange, per extra message."""
    pairs = zip(_of(measurements, STREAM.name, stack.name), _of(measurements, CHAT.name, stack.name), strict=True)
    return statistics.median(
        (stream.cpu_us["processor"] - chat.cpu_us["processor"]) / (stream.messages - chat.messages)
        for stream, chat in pairs
    )


def _gateway(transport: str, pair: Pair, measurements: list[Measurement]) -> Iterator[Bound]:
    for what, cost, bound in (("exchange", exchange_us, 60), ("chunk", chunk_us, 10)):
        added = cost(measurements, pair.ours) - cost(measurements, pair.noop)
        yield at_most(f"{transport}: ours beyond the no-op, CPU per {what}", added, bound, "µs")


def _transports(measurements: list[Measurement]) -> Iterator[Bound]:
    for role in ("noop", "ours"):
        slow, fast = (exchange_us(measurements, getattr(PAIRS[one], role)) for one in ("grpc", "http2"))
        name = PAIRS["grpc"].noop.name.split()[0] if role == "noop" else role
        yield at_least(f"{name}: CPU per exchange on grpc over that on http2", slow / fast, 4)


def _sizes(transport: str, pair: Pair, measurements: list[Measurement]) -> Iterator[Bound]:
    large = SIZES[-1]
    small = next(one for one in SIZES if one.size >= 1_000_000)
    per_byte = [exchange_us(measurements, pair.ours, one.name) / one.size for one in (small, large)]
    what = f"{transport}: CPU per byte at {large.size / 1e6:.0f} MB over that at {small.size / 1e6:.0f} MB"
    yield at_most(what, per_byte[1] / per_byte[0], 1.3, "times")


def _routes(transport: str, pair: Pair, measurements: list[Measurement]) -> Iterator[Bound]:
    few, many = _ends(measurements, "routes", pair.ours, lambda one: one.cpu_us["processor"])
    yield at_most(f"{transport}: CPU per exchange with 2,000 routes over that with one", many / few, 1.15, "times")


def _failover(transport: str, pair: Pair, measurements: list[Measurement]) -> Iterator[Bound]:
    for kind in ("chat", "stream"):
        of_kind = [one for one in measurements if one.scenario.startswith(f"{kind}, ")]
        without, attempts = _ends(of_kind, "failover", pair.ours, gateway_cpu)
        what = f"{transport}: CPU of processor and Envoy per {kind} with failover over that without"
        yield at_most(what, attempts / without, 1.6, "times")


def _workers(transport: str, pair: Pair, measurements: list[Measurement]) -> Iterator[Bound]:
    # Capacity ends when the busier worker has no CPU left: this includes how evenly Envoy distributes the work.
    one, two = _ends(measurements, "workers", pair.ours, lambda one: one.busiest_us["processor"])
    yield at_least(f"{transport}: capacity of two workers over that of one, by CPU of the busier", one / two, 1.8)


def _peer(transport: str, pair: Pair, measurements: list[Measurement]) -> Iterator[Bound]:
    for scenario in PEERS:
        ours, peer = (_of(measurements, scenario.name, name) for name in (pair.ours.name, PEER))
        # Ours does not work without Envoy, so Envoy's CPU counts.
        cpu = _median(peer, gateway_cpu) / _median(ours, gateway_cpu)
        rate = _median(peer, lambda one: 1 / one.requests_per_second) / _median(
            ours, lambda one: 1 / one.requests_per_second
        )
        name = scenario.name.removeprefix("peer: ")
        yield at_least(f"{transport}: {PEER}'s CPU per request over ours with Envoy's; {name}", cpu, 25)
        yield at_least(f"{transport}: our requests/s over {PEER}'s; {name}", rate, 15)


def _idle(pair: Pair, findings: Findings) -> Iterator[Bound]:
    name = pair.ours.name
    mine = sorted((one for one in findings.idle if one.stack == name), key=lambda one: one.streams)
    if mine:
        most = mine[-1]
        memory = MEMORY_MB + STREAM_MB * most.streams
        what = f"{name}: {most.streams:,} open streams"
        yield at_most(f"{what}, memory of the processor", most.resident_mb["processor"], memory, "MB")
        yield at_most(f"{what}, CPU of the processor while nothing flows", most.cpu_percent, 1, "% of a core")


def _start(pair: Pair, findings: Findings) -> Iterator[Bound]:
    seconds = [one.seconds for one in findings.starts if one.stack == pair.ours.name]
    if seconds:
        yield at_most(f"{pair.ours.name}: start of `serve` to ready", statistics.median(seconds), 1, "s")


_PART_BOUNDS: dict[str, Callable[[str, Pair, list[Measurement]], Iterator[Bound]]] = {
    "gateway": _gateway,
    "sizes": _sizes,
    "routes": _routes,
    "failover": _failover,
    "workers": _workers,
    "peer": _peer,
}


def _of(measurements: Iterable[Measurement], scenario: str, stack: str) -> list[Measurement]:
    return [one for one in measurements if (one.scenario, one.stack) == (scenario, stack)]


def _ends(
    measurements: list[Measurement], part: str, stack: Stack, value: Callable[[Measurement], float]
) -> tuple[float, float]:
    """Return the figure at the smallest x and at the largest."""
    mine = [one for one in measurements if (one.part, one.stack) == (part, stack.name)]
    ends = min(one.x for one in mine), max(one.x for one in mine)
    first, last = (_median([one for one in mine if one.x == end], value) for end in ends)
    return first, last


def _median(measurements: list[Measurement], value: Callable[[Measurement], float]) -> float:
    return statistics.median(map(value, measurements))


def gateway_cpu(one: Measurement) -> float:
    """Return the CPU of all processes but the upstream, per exchange, in microseconds."""
    return sum(spent for role, spent in one.cpu_us.items() if role != "upstream")
