"""What is said on the terminal: results, refusals, logs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sized
from typing import NoReturn

import click

from aigw_extproc.errors import ConfigError

LEVELS = ("debug", "info", "warning", "error")
"""From where on messages are logged."""


def refuse(error: ConfigError) -> NoReturn:
    for problem in error.problems:
        click.secho(f"error: {problem}", fg="red", err=True)
    fail(f"{count(error.problems, 'problem')} in the configuration")


def count(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'s' if len(things) != 1 else ''}"


def fail(message: str) -> NoReturn:
    click.secho(message, fg="red", bold=True, err=True)
    sys.exit(1)


def set_up_logging(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # it tells of every start and stop
    # At debug level these tell of headers and bodies, and an answer of STS holds nothing but secrets. botocore's
    # warnings repeat, with a trace, what the cache tells in a line.
    for name in ("botocore", "urllib3", "httpcore"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # It tells of every change in a watched folder: that of a log in it too, which is changed by the telling, for ever.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
