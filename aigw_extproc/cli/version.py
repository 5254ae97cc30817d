"""`aigw-extproc version`."""

from __future__ import annotations

from aigw_extproc import __version__
from aigw_extproc.cli.app import app


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)
