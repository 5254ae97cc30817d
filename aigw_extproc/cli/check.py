"""`aigw-extproc check`."""

from __future__ import annotations

from pathlib import Path

import click

from aigw_extproc.cli import options
from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import source_of
from aigw_extproc.cli.output import count


@app.command()
@options.resources
@options.region
@options.secrets_dir
def check(resources: tuple[Path, ...], region: str | None, secrets_dir: Path | None) -> None:
    """Validate resource files.

    Lists every error, and what has no effect here. RESOURCES are files, or folders of them.
    """
    configuration = source_of(resources, region, None, secrets_dir).load()
    for ignored in configuration.ignored:
        click.secho(f"ignored: {ignored}", dim=True)
    snapshot = configuration.snapshot
    counts = (count(snapshot.rules, "rule"), count(snapshot.upstreams, "upstream"), count(snapshot.models, "model"))
    print(f"ok: {', '.join(counts)}")
