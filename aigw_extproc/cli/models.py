"""`aigw-extproc models`."""

from __future__ import annotations

import json
import textwrap

import click

from aigw_extproc.cli.app import app


@app.command()
@click.argument("model", required=False)
def models(model: str | None) -> None:
    """Show the facts that the gateway knows about a model.

    MODEL is an id, an inference profile or an ARN; each fact is shown with the table row that it comes from. Without
    MODEL, the whole table is shown.
    """
    from aigw_extproc.bedrock.families import Family, base_model, builtin

    table = builtin()
    if model is None:
        for name, row in sorted(table.rows.items()):
            print(name)
            for fact, value in row.items():
                print(_wrapped(f"{fact}={json.dumps(value)}"))
        return
    rows = {fact: name for name, row in table.applying(model) for fact in row}
    print(f"{model} is looked up as {base_model(model)}")
    if not rows:
        print("no row is a prefix of it, so it gets the defaults")
    for fact in Family.__struct_fields__:
        print(f"{fact:25} {_compact(getattr(table.of(model), fact)):50} {rows.get(fact, '(default)')}")


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _wrapped(text: str) -> str:
    """Return the text in lines of at most a hundred characters, broken at spaces."""
    return textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
