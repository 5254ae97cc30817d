"""`check` and `doctor`: what is wrong."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import Region, Resources, Secrets, source_of
from aigw_extproc.cli.output import count, out, refuse
from aigw_extproc.errors import ConfigError


@app.command()
def check(resources: Resources = None, region: Region = None, secrets_dir: Secrets = None) -> None:
    """Validates resource files: every fault at once, and what of them has no effect here."""
    try:
        configuration = source_of(resources, region, None, secrets_dir).load()
    except ConfigError as error:
        refuse(error)
    for ignored in configuration.ignored:
        out.print(f"ignored: {ignored}", style="dim")
    found = configuration.snapshot
    counts = (count(found.rules, "rule"), count(found.upstreams, "upstream"), count(found.models, "model"))
    out.print(f"ok: {', '.join(counts)}")


@app.command()
def doctor(
    resources: Resources = None,
    region: Region = None,
    secrets_dir: Secrets = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as data.")] = False,
) -> None:
    """Finds out why it does not work: credentials, identity, network, clock and models of every backend."""
    from aigw_extproc.doctor import report
    from aigw_extproc.doctor.examination import examine

    try:
        snapshot = source_of(resources, region, None, secrets_dir).load().snapshot
    except ConfigError as error:
        refuse(error)
    diagnoses = asyncio.run(examine(snapshot))
    if as_json:
        print(report.to_json(diagnoses))
    else:
        report.show(diagnoses, Console(highlight=False, markup=False, emoji=False))
    raise typer.Exit(0 if all(diagnosis.healthy for diagnosis in diagnoses) else 1)
