"""`aigw-extproc check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from aigw_extproc.cli import options
from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import source_of
from aigw_extproc.cli.output import count
from aigw_extproc.config.resources.findings import Findings, Note
from aigw_extproc.errors import Problem
from aigw_extproc.ledger.options import is_shared
from aigw_extproc.serve.source import uncounted

_COLORS = {"served": "green", "ignored": None, "warning": "yellow", "refused": "red"}


@app.command()
@options.resources
@options.region
@options.secrets_dir
@options.limits
@click.option("--replicas", type=click.IntRange(min=1), default=1, help="Number of gateways that serve them.")
def check(
    resources: tuple[Path, ...], region: str | None, secrets_dir: Path | None, limits: str | None, replicas: int
) -> None:
    """Validate resource files.

    Prints what is served, ignored and refused, by kind and field, and every error. RESOURCES are files, or folders of
    them.
    """
    findings = Findings()
    try:
        configuration = source_of(resources, region, None, secrets_dir).load(findings)
    finally:
        _print_table(tuple(_rows(findings)))
    snapshot = configuration.snapshot
    if snapshot.limits and replicas > 1 and not is_shared(limits or ""):
        message = f"needs one place for the counts of {replicas} gateways: say --limits redis://HOST"
        raise uncounted(configuration, message)
    counts = (count(snapshot.rules, "rule"), count(snapshot.upstreams, "upstream"), count(snapshot.models, "model"))
    print(f"ok: {', '.join(counts)}")


def _rows(findings: Findings) -> Iterator[tuple[str, str, str]]:
    """Yield the status, the place and the remark of each row."""
    for kind, number in findings.served.items():
        yield "served", kind, count(range(number), "resource")
    for note in findings.ignored:
        yield "ignored", _place(note), f"{note.reason} ({note.file})"
    for note in findings.warnings:
        yield "warning", _place(note), f"{note.reason} ({note.file})"
    for problem in findings.problems:
        if problem.unsupported:
            yield "refused", _place(problem), f"{problem.message} ({problem.file})"


def _place(finding: Note | Problem) -> str:
    return " ".join(filter(None, (finding.resource, finding.path)))


def _print_table(rows: tuple[tuple[str, str, str], ...]) -> None:
    width = max((len(place) for _, place, _ in rows), default=0)
    for status, place, remark in rows:
        click.secho(f"{status:7}  {place:{width}}  {remark}", fg=_COLORS[status], dim=status == "ignored")
