"""What is said on the terminal: results, refusals, logs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sized
from enum import StrEnum
from typing import NoReturn

import typer
from rich.console import Console

from aigw_extproc.errors import ConfigError

# What is shown may hold brackets and colons of the user's own, which are neither markup nor emoji.
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)


class Level(StrEnum):
    """From where on messages are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def refuse(error: ConfigError) -> NoReturn:
    for problem in error.problems:
        err.print(f"error: {problem}", style="red")
    fail(f"{count(error.problems, 'problem')} in the configuration")


def count(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'s' if len(things) != 1 else ''}"


def fail(message: str) -> NoReturn:
    err.print(message, style="bold red")
    raise typer.Exit(1)


def set_up_logging(level: Level) -> None:
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
