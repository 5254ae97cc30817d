"""Output on the terminal: counts, errors and logs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sized
from typing import NoReturn

import click

from aigw_extproc.printable import printable

LEVELS = ("debug", "info", "warning", "error")
"""Log levels, lowest first."""


class LogFormatter(logging.Formatter):
    """Escapes what is not printable, and indents every line after a record's first: no text can pass for a record."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n    ".join(map(printable, super().format(record).split("\n")))


def count(things: Sized, noun: str) -> str:
    """Return a phrase such as `2 models`."""
    return f"{len(things)} {noun}{'s' if len(things) != 1 else ''}"


def fail(message: str) -> NoReturn:
    """Print an error, and exit with code 1."""
    click.secho(message, fg="red", bold=True, err=True)
    sys.exit(1)


def set_up_logging(level: str) -> None:
    """Log to standard error from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # it logs every start and stop
    # At debug level these log headers and bodies, and a response of STS is full of secrets. botocore's warnings
    # repeat, with a traceback, what the credential cache logs in a line.
    for name in ("botocore", "urllib3", "httpcore", "httpcore2", "hpack"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs every request
    # It logs every change in a watched folder: a log file in that folder would grow for ever.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
