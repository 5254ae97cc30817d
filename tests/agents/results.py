"""The results of the newest runs, kept in `results.json`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from tests.agents.program import Program

FILE = Path(__file__).parent / "results.json"


def load() -> dict[str, Any]:
    """Return the results by program: its version, the date, and per scenario what does not hold, empty if all does."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def keep(program: Program, found: dict[str, str]) -> None:
    """Replace the results of a program."""
    entry = {"version": program.folder.version(), "date": date.today().isoformat(), "scenarios": found}  # noqa: DTZ011 - a day
    FILE.write_text(json.dumps({**load(), program.name: entry}, indent=1, sort_keys=True) + "\n")
