"""`aigw-extproc prices`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from aigw_extproc.cli.app import app

if TYPE_CHECKING:
    from aigw_extproc.bedrock.prices import TableRow


@app.command()
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object for each price.")
def prices(models: tuple[str, ...], *, as_json: bool) -> None:
    """Show what models cost: in dollars per million tokens, per image, or per thousand queries.

    MODEL is an id, an inference profile or an ARN. Without one, the whole table is shown. The exit code is 1 if the
    price of a model is not known.
    """
    from aigw_extproc.bedrock.prices import table

    found = [(model, table().row(model)) for model in models] if models else [(_id(row), row) for row in table().rows]
    if as_json:
        for model, row in found:
            print(json.dumps({"id": model, "price": None if row is None else _fields(row)}))
    else:
        _show(found)
    if any(row is None for _, row in found):
        raise SystemExit(1)


def _id(row: TableRow) -> str:
    return f"{row.scope}.{row.model}" if row.scope else row.model


def _fields(row: TableRow) -> dict[str, Any]:
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(row)
    return fields


def _show(found: Iterable[tuple[str, TableRow | None]]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table("model", "input", "output", "cache read", "cache write", "for an hour", "other", "source", box=None)
    for model, row in found:
        if row is None:
            shown.add_row(model, "not known")
            continue
        rates = (row.input, row.output, row.cache_read, row.cache_write, row.long_cache_write)
        shown.add_row(model, *("" if rate in {None, "0"} else rate for rate in rates), _other(row), row.source)
    Console(width=None if Console().is_terminal else 400).print(shown)


def _other(row: TableRow) -> str:
    parts = []
    if row.long is not None:
        parts.append(f"beyond {row.beyond} tokens: {row.long.input} and {row.long.output}")
    if isinstance(row.image, dict):
        parts.append("an image: " + ", ".join(f"{dollars} ({name})" for name, dollars in row.image.items()))
    elif row.image is not None:
        parts.append(f"an image: {row.image}")
    if row.search != "0":
        parts.append(f"1000 queries: {row.search}")
    return "; ".join(parts)
