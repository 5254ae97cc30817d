"""Output on the terminal: counts, errors and logs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sized
from typing import NoReturn

import click

LEVELS = ("debug", "info", "warning", "error")
"""Log levels, lowest first."""


def count(things: Sized, noun: str) -> str:
    """Return a phrase such as `2 models`."""
    return f"{len(things)} {noun}{'s' if len(things) != 1 else ''}"


def fail(message: str) -> NoReturn:
    """Print an error, and exit with code 1."""
    click.secho(message, fg="red", bold=True, err=True)
    sys.exit(1)


def set_up_logging(level: str) -> None:
    """Log to standard error from this level on."""
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # it logs every start and stop
    # At debug level these log headers and bodies, and a response of STS is full of secrets. botocore's warnings
    # repeat, with a traceback, what the credential cache logs in a line.
    for name in ("botocore", "urllib3", "httpcore"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # It logs every change in a watched folder: a log file in that folder would grow for ever.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
