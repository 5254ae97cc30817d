"""Options that several commands share, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aigw_extproc.cli.output import LEVELS
from aigw_extproc.serve.source import Source

if TYPE_CHECKING:
    from aigw_extproc.envoy.options import ListenAddress

PATH = click.Path(path_type=Path)
PORT = click.IntRange(0, 65535)

resources = click.argument("resources", nargs=-1, type=PATH)
secrets_dir = click.option(
    "--secrets-dir", metavar="DIR", type=PATH, help="Mounted Secrets: DIR/NAME/KEY or DIR/NAMESPACE/NAME/KEY."
)
region = click.option("--region", metavar="NAME", help="No file at all: any model, from Bedrock in this region.")
simulator = click.option("--simulator", metavar="HOST:PORT", help="Any model, from a simulator there.")
host = click.option("--host", default="127.0.0.1", help="Address to listen on.")
port = click.option("--port", type=PORT, default=1975, help="Where clients connect.")
admin_port = click.option("--admin-port", type=PORT, default=1064, help="Port of /healthz, /readyz and /metrics.")
workers = click.option("--workers", type=click.IntRange(min=1), default=1, help="Processes that answer Envoy.")
log_level = click.option(
    "--log-level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="info",
    help="What is logged, from this level on.",
)


def source_of(
    resources: Sequence[Path], region: str | None, simulator: str | None, secrets: Path | None = None
) -> Source:
    """The configuration that the options name. Raises click.BadParameter where they name none, or more than one."""
    from aigw_extproc.config.snapshot import Address

    chosen = [bool(resources), region is not None, simulator is not None]
    if sum(chosen) != 1:
        raise click.BadParameter("give resource files or folders, or --region, and not both")
    if simulator is not None and not isinstance(endpoint(simulator), Address):
        raise click.BadParameter("a simulator listens on HOST:PORT")
    if secrets is not None and not resources:
        raise click.BadParameter("--secrets-dir goes with resource files, whose Secrets it holds")
    return Source(paths=tuple(resources), secrets=secrets, region=region, simulator=simulator)


def endpoint(text: str) -> ListenAddress:
    """Where to listen or connect: `unix:///PATH` or `HOST:PORT`."""
    from aigw_extproc.envoy.options import parse_address

    try:
        return parse_address(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
