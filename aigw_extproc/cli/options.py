"""Options that several commands share, and what they come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aigw_extproc.cli.output import Level
from aigw_extproc.source import Source

if TYPE_CHECKING:
    from aigw_extproc.envoy.options import Endpoint

Resources = Annotated[list[Path] | None, typer.Argument(help="Resource files, or folders of them.", show_default=False)]
Secrets = Annotated[
    Path | None,
    typer.Option("--secrets-dir", metavar="DIR", help="Mounted Secrets: DIR/NAME/KEY or DIR/NAMESPACE/NAME/KEY."),
]
Region = Annotated[str | None, typer.Option(help="No file at all: any model, from Bedrock in this region.")]
Simulator = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Any model, from a simulator there.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Where clients connect.")]
AdminPort = Annotated[int, typer.Option(min=0, max=65535, help="Port of /healthz, /readyz and /metrics.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes that answer Envoy.")]
LogLevel = Annotated[Level, typer.Option(case_sensitive=False, help="What is logged, from this level on.")]


def source_of(
    resources: list[Path] | None, region: str | None, simulator: str | None, secrets: Path | None = None
) -> Source:
    """The configuration that the options name. Raises typer.BadParameter where they name none, or more than one."""
    from aigw_extproc.config.snapshot import Address

    chosen = [bool(resources), region is not None, simulator is not None]
    if sum(chosen) != 1:
        raise typer.BadParameter("give resource files or folders, or --region, and not both")
    if simulator is not None and not isinstance(endpoint(simulator), Address):
        raise typer.BadParameter("a simulator listens on HOST:PORT")
    if secrets is not None and not resources:
        raise typer.BadParameter("--secrets-dir goes with resource files, whose Secrets it holds")
    return Source(paths=tuple(resources or ()), secrets=secrets, region=region, simulator=simulator)


def endpoint(text: str) -> Endpoint:
    """Where to listen or connect: `unix:///PATH` or `HOST:PORT`."""
    from aigw_extproc.envoy.options import parse_endpoint

    try:
        return parse_endpoint(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
