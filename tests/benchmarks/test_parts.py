"""Smoke tests of the benchmark's other parts, and of the page and picture made from their results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from aigw_extproc.extproc.transport import TRANSPORTS
from benchmarks.picture import BEGIN, END, svg, write_docs
from benchmarks.report import Report

ROOT = Path(__file__).parents[2]
PARTS = ("routes", "failover", "streams", "workers", "startup")
pytestmark = pytest.mark.timeout(300)  # takes a minute on an idle machine


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a quick run without the gateway and the large bodies."""
    file = tmp_path_factory.mktemp("bench") / "results.json"
    command = (sys.executable, "-m", "benchmarks", "--only", ",".join(PARTS), "--quick", "--json", str(file))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(file.read_bytes(), type=Report)


def test_each_part_is_judged_on_both_transports(report: Report) -> None:
    assert [bound.what for bound in report.bounds] == [
        line
        for transport in TRANSPORTS
        for line in (
            f"{transport}: CPU per exchange with 2,000 routes over that with one",
            f"{transport}: CPU of processor and Envoy per chat with failover over that without",
            f"{transport}: CPU of processor and Envoy per stream with failover over that without",
            f"{transport}: capacity of two workers over that of one, by CPU of the busier",
            f"ours on {transport}: 40 open streams, memory of the processor",
            f"ours on {transport}: 40 open streams, CPU of the processor while nothing flows",
            f"ours on {transport}: start of `serve` to ready",
        )
    ]


def test_both_workers_take_part(report: Report) -> None:
    both = [one for one in report.measurements if (one.part, one.x) == ("workers", 2)]
    assert [one.busiest_us["processor"] < 0.9 * one.cpu_us["processor"] for one in both] == [True, True]


def test_the_page_gets_its_figures_and_keeps_its_text(report: Report, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    write_docs(report, tmp_path)
    text = page.read_text()
    assert (text.startswith("before\n\n"), text.endswith("\n\nafter\n"), "old" in text, "**Bounds**" in text) == (
        True,
        True,
        False,
        True,
    )


def test_the_picture_is_well_formed(report: Report) -> None:
    assert ElementTree.fromstring(svg(report)).tag.endswith("svg")  # noqa: S314 - our own output


def test_an_unknown_part_is_named() -> None:
    command = (sys.executable, "-m", "benchmarks", "--only", "sizes,speed")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert done.stderr.splitlines()[-1] == (
        "benchmarks: error: argument --only: unknown part: speed; choose from "
        "gateway, sizes, routes, streams, workers, startup"
    )
