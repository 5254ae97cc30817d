"""Tests for aigw_extproc.doctor.report."""

from __future__ import annotations

import io

from rich.console import Console

from aigw_extproc.doctor.checks import Diagnosis, failed, ok, skipped
from aigw_extproc.doctor.report import show

DIAGNOSIS = Diagnosis(
    backend="default/bedrock",
    host="bedrock.test",
    region="us-east-1",
    checks=(
        ok("credentials", "file [default]", notes=("environment: :smile: is not set",)),
        skipped("identity", "no credentials"),
        failed("model", "not there", "ask for another", subject="m", seconds=0.0421),
    ),
)


def test_a_table() -> None:
    screen = io.StringIO()
    show([DIAGNOSIS], Console(file=screen, width=80, highlight=False, markup=False, emoji=False))
    assert [line.rstrip() for line in screen.getvalue().splitlines()] == [
        "default/bedrock → bedrock.test, signed for us-east-1",
        "┏━━━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓",
        "┃ check       ┃ result  ┃ found                             ┃",
        "┡━━━━━━━━━━━━━╇━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩",
        "│ credentials │ ok      │ file [default]                    │",
        "│             │         │ · environment: :smile: is not set │",
        "│ identity    │ skipped │ no credentials                    │",
        "│ model       │ failed  │ m: not there (42 ms)              │",
        "│             │         │ → ask for another                 │",
        "└─────────────┴─────────┴───────────────────────────────────┘",
    ]


def test_as_data() -> None:
    assert DIAGNOSIS.as_data()["checks"][2] == {
        "name": "model",
        "subject": "m",
        "outcome": "failed",
        "detail": "not there",
        "next_step": "ask for another",
        "notes": [],
        "milliseconds": 42.1,
    }
