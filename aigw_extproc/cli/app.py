"""The application that the commands join."""

from __future__ import annotations

from typing import Annotated

import typer

from aigw_extproc import __version__

app = typer.Typer(
    help="OpenAI clients to AWS Bedrock, through a stock Envoy.", no_args_is_help=True, pretty_exceptions_enable=False
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """OpenAI clients to AWS Bedrock, through a stock Envoy."""
