"""`aigw-extproc keys`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from aigw_extproc.cli.app import app
from aigw_extproc.cli.options import PATH
from aigw_extproc.cli.output import fail

_file = click.option("--file", metavar="FILE", type=PATH, required=True, help="The file, for --api-keys.")


@app.group()
def keys() -> None:
    """Create, list and revoke the API keys of clients, in a file for --api-keys."""


@keys.command()
@click.argument("name")
@_file
def create(name: str, file: Path) -> None:
    """Create a key for the client NAME, and print it. It is shown this once: the file holds its digest."""
    from aigw_extproc.config.files import key_file

    with _errors():
        print(key_file.create(file, name))


@keys.command("list")
@_file
def list_names(file: Path) -> None:
    """List the clients that have a key."""
    from aigw_extproc.config.files import key_file

    with _errors():
        for name in key_file.names(file):
            print(name)


@keys.command()
@click.argument("name")
@_file
def revoke(name: str, file: Path) -> None:
    """Revoke the key of the client NAME. A running gateway refuses it within two seconds."""
    from aigw_extproc.config.files import key_file

    with _errors():
        key_file.revoke(file, name)


@contextmanager
def _errors() -> Iterator[None]:
    from aigw_extproc.config.files.key_file import KeyFileError

    try:
        yield
    except KeyFileError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
