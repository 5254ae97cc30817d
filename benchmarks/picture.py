"""Writes docs/performance.svg and the tables of docs/performance.md: `python -m benchmarks.picture FILE.json`."""

from __future__ import annotations

import re
import statistics
import sys
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

import msgspec

from benchmarks.bounds import chunk_us, gateway_cpu
from benchmarks.measure import Measurement
from benchmarks.report import Report, Rows, grouped, tables
from benchmarks.scenarios import CHAT, CHAT_LATENCY, PEERS, STREAM
from benchmarks.stacks import ALONE, STACKS

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- figures: written by benchmarks/picture.py -->", "<!-- end of figures -->"
WIDTH, LABEL, ROW, GAP = 760, 170, 22, 16
COLOURS = {"Envoy alone": "#8a8f98", "no-op": "#7aa6d6", "ours": "#2f6f4f", "LiteLLM": "#c2703d"}


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """Bars with a title."""

    title: str
    form: str
    bars: list[tuple[str, float]]


def panels(report: Report) -> Iterator[Panel]:
    """Yield the panels that the report has figures for."""
    measurements = report.measurements
    yield _panel("CPU of Envoy and processor per chat exchange, µs", ",.0f", measurements, CHAT.name, gateway_cpu)
    yield _panel("Requests per second, 16 connections", ",.0f", measurements, CHAT.name, _rate)
    yield _panel("p50 of one request at a time, ms", ".2f", measurements, CHAT_LATENCY.name, lambda one: one.p50_ms)
    if any(one.scenario == STREAM.name for one in measurements):
        bars = [(stack.name, chunk_us(measurements, stack)) for stack in STACKS if stack is not ALONE]
        yield Panel(title="CPU of the processor per chunk of a stream, µs", form=".1f", bars=bars)
    yield _panel("Beside a peer: CPU per chat request, µs", ",.0f", measurements, PEERS[0].name, gateway_cpu)
    yield _panel("Beside a peer: requests per second", ",.0f", measurements, PEERS[0].name, _rate)
    most = max((one.streams for one in report.idle), default=0)
    bars = [(one.stack, one.resident_mb["processor"]) for one in report.idle if one.streams == most]
    yield Panel(title=f"Memory of the processor with {most:,} open streams, MB", form=".0f", bars=bars)


def _panel(
    title: str, form: str, measurements: list[Measurement], scenario: str, value: Callable[[Measurement], float]
) -> Panel:
    groups = grouped((one for one in measurements if one.scenario == scenario), lambda one: one.stack)
    return Panel(title=title, form=form, bars=[(stack, statistics.median(map(value, ones))) for stack, ones in groups])


def _rate(one: Measurement) -> float:
    return one.requests_per_second


def svg(report: Report) -> str:
    """Return the picture, with a white background for pages of any colour."""
    lines, y = [], GAP
    for panel in (panel for panel in panels(report) if panel.bars):
        lines += [f'<text x="{GAP}" y="{y + 14}" font-weight="bold">{escape(panel.title)}</text>']
        lines += _bars(panel, y + ROW)
        y += ROW * (len(panel.bars) + 1) + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}"'
    style = 'font-family="sans-serif" font-size="13" role="img" aria-label="The figures of docs/performance.md as bars"'
    return "\n".join((f"{head} {style}>", f'<rect width="{WIDTH}" height="{y}" fill="white"/>', *lines, "</svg>\n"))


def _bars(panel: Panel, top: int) -> Iterator[str]:
    longest = max(value for _, value in panel.bars)
    for index, (name, value) in enumerate(panel.bars):
        y, length = top + index * ROW, (WIDTH - LABEL - 100) * max(value, 0) / longest
        colour = next(colour for start, colour in COLOURS.items() if name.startswith(start))
        yield f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect x="{LABEL}" y="{y + 2}" width="{length:.1f}" height="{ROW - 6}" fill="{colour}"/>'
        yield f'<text x="{LABEL + length + 6:.1f}" y="{y + 14}">{value:{panel.form}}</text>'


def write_docs(report: Report, docs: Path = DOCS) -> None:
    """Replace the picture, and the text between the marks of the page."""
    (docs / "performance.svg").write_text(svg(report))
    page = docs / "performance.md"
    figures = "\n\n".join((BEGIN, _machine(report), *map(_table, filter(lambda one: one.rows, tables(report))), END))
    page.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: figures, page.read_text(), flags=re.DOTALL))


def _machine(report: Report) -> str:
    return ", ".join(f"{name} {value}" for name, value in report.machine.items()) + f"; rounds: {report.rounds}."


def _table(rows: Rows) -> str:
    lines = [rows.columns, ["---", *["--:"] * (len(rows.columns) - 1)], *rows.rows]
    return f"**{rows.title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    write_docs(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Report))
