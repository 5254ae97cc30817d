"""`models` and `version`: what the gateway knows."""

from __future__ import annotations

import json

import click

from aigw_extproc import __version__
from aigw_extproc.cli.app import app


@app.command()
@click.argument("model", required=False)
def models(model: str | None) -> None:
    """What the gateway knows about models.

    MODEL is an id, an inference profile or an ARN: each fact is told with the row of the table that it comes from.
    Without one, the whole table.
    """
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
