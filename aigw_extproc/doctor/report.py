"""Output of diagnoses: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aigw_extproc.doctor.checks import Check, CheckOutcome, Diagnosis

_STYLES = {CheckOutcome.OK: "green", CheckOutcome.FAILED: "bold red", CheckOutcome.SKIPPED: "dim"}


def to_json(diagnoses: Iterable[Diagnosis], warnings: tuple[str, ...] = ()) -> str:
    """Return all diagnoses, and the warnings of the configuration, as one JSON object."""
    backends = tuple(diagnoses)
    return json.dumps(
        {
            "healthy": all(one.healthy for one in backends),
            "warnings": warnings,
            "backends": [one.as_data() for one in backends],
        },
        indent=2,
        ensure_ascii=False,
    )


def show(diagnoses: Iterable[Diagnosis], console: Console, warnings: tuple[str, ...] = ()) -> None:
    """Print the warnings of the configuration, and a table for each backend."""
    for warning in warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    for diagnosis in diagnoses:
        console.print(_table(diagnosis))


def _table(diagnosis: Diagnosis) -> Table:
    location = f"{diagnosis.backend} → {diagnosis.host}"
    title = f"{location}, signed for {diagnosis.region}" if diagnosis.region else location
    table = Table(title=Text(title), title_justify="left")
    table.add_column("check", no_wrap=True)
    table.add_column("result")
    table.add_column("found", overflow="fold")
    for check in diagnosis.checks:
        table.add_row(
            Text(check.name), Text(check.outcome.value, style=_STYLES[check.outcome]), Text("\n").join(_lines(check))
        )
    return table


def _lines(check: Check) -> Iterator[Text]:
    duration = f" ({check.seconds * 1000:.0f} ms)" if check.seconds is not None else ""
    prefix = f"{check.subject}: " if check.subject else ""
    yield Text(f"{prefix}{check.detail}{duration}")
    for note in check.notes:
        yield Text(f"· {note}", style="dim")
    if check.next_step is not None:
        yield Text(f"→ {check.next_step}", style="bold")
