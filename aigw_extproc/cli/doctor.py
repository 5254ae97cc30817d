"""`aigw-extproc doctor`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from aigw_extproc.cli import options
from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import require_token, source_of
from aigw_extproc.config.resources.findings import Findings


@app.command()
@options.resources
@options.region
@options.secrets_dir
@click.option("--running", metavar="URL", help="Examine the gateway whose operator's port is there, too.")
@options.page_token
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def doctor(
    resources: tuple[Path, ...],
    region: str | None,
    secrets_dir: Path | None,
    running: str | None,
    page_token: Path | None,
    as_json: bool,
) -> None:
    """Find out why it does not work.

    Checks credentials, identity, network, clock and models of every backend. RESOURCES are files, or folders of them;
    with --running none are needed.
    """
    from rich.console import Console

    from aigw_extproc.doctor import report
    from aigw_extproc.doctor.checks import Diagnosis
    from aigw_extproc.doctor.examination import examine
    from aigw_extproc.doctor.running import examine_running

    findings = Findings()
    token = require_token(page_token)
    diagnoses: tuple[Diagnosis, ...] = ()
    if resources or region or running is None:
        configuration = source_of(resources, region, None, secrets_dir).load(findings)
        diagnoses = asyncio.run(examine(configuration.snapshot))
    if running is not None:
        diagnoses = (asyncio.run(examine_running(running, token)), *diagnoses)
    warnings = tuple(map(str, findings.warnings))
    if as_json:
        print(report.to_json(diagnoses, warnings))
    else:
        report.show(diagnoses, Console(highlight=False, markup=False, emoji=False), warnings)
    sys.exit(0 if all(diagnosis.healthy for diagnosis in diagnoses) else 1)
