"""Diagnoses for people, as tables with what is to be done, and for programs, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aigw_extproc.doctor.checks import Check, Diagnosis, Outcome

_STYLES = {Outcome.OK: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "dim"}


def to_json(diagnoses: Iterable[Diagnosis]) -> str:
    """Everything that was found, as one JSON object."""
    found = tuple(diagnoses)
    return json.dumps(
        {"healthy": all(one.healthy for one in found), "backends": [one.as_data() for one in found]},
        indent=2,
        ensure_ascii=False,
    )


def show(diagnoses: Iterable[Diagnosis], console: Console) -> None:
    """Prints a table for each backend."""
    for diagnosis in diagnoses:
        console.print(_table(diagnosis))


def _table(diagnosis: Diagnosis) -> Table:
    where = f"{diagnosis.backend} → {diagnosis.host}"
    title = f"{where}, signed for {diagnosis.region}" if diagnosis.region else where
    table = Table(title=Text(title), title_justify="left")
    table.add_column("check", no_wrap=True)
    table.add_column("result")
    table.add_column("found", overflow="fold")
    for check in diagnosis.checks:
        table.add_row(Text(check.name), Text(check.outcome.value, style=_STYLES[check.outcome]), _found(check))
    return table


def _found(check: Check) -> Text:
    return Text("\n").join(_lines(check))


def _lines(check: Check) -> Iterator[Text]:
    took = f" ({check.seconds * 1000:.0f} ms)" if check.seconds is not None else ""
    about = f"{check.subject}: " if check.subject else ""
    yield Text(f"{about}{check.detail}{took}")
    for note in check.notes:
        yield Text(f"· {note}", style="dim")
    if check.next_step is not None:
        yield Text(f"→ {check.next_step}", style="bold")
