"""`models` and `version`: what the gateway knows."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from aigw_extproc import __version__
from aigw_extproc.cli.app import app


@app.command()
def models(
    model: Annotated[
        str | None, typer.Argument(help="A model id, inference profile or ARN.", show_default=False)
    ] = None,
) -> None:
    """What the gateway knows about a model, and from which row of its table; without one, the whole table."""
    from aigw_extproc.bedrock.families import Family, base_model, builtin

    table = builtin()
    if model is None:
        for name, row in sorted(table.rows.items()):
            print(name, *(f"{fact}={_fact(value)}" for fact, value in row.items()))
        return
    sources = {fact: name for name, row in table.applying(model) for fact in row}
    print(f"{model} is looked up as {base_model(model)}")
    if not sources:
        print("no row begins like it, so it gets the defaults, which claim the least")
    for fact in Family.__struct_fields__:
        print(f"{fact:25} {_fact(getattr(table.of(model), fact)):50} {sources.get(fact, '(default)')}")


@app.command()
def version() -> None:
    """Prints the version."""
    print(__version__)


def _fact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
