"""The chart's default output, the table of values in its README, and the comments in its values.yaml.

`python -m tests.helm.goldens` rewrites them; review the diff like code.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

from tests.helm.tools import CHART, helm

GOLDEN = CHART.parents[1] / "tests" / "golden" / "helm" / "default.yaml"
README = CHART / "README.md"
VALUES = CHART / "values.yaml"
_KEY = re.compile(r"( *)([A-Za-z]+):")
_TABLE = re.compile(r"(?<=\| value \| default \| meaning \|\n\|---\|---\|---\|\n)(\|.*\n)*")


def table() -> str:
    """Return a row for each value, with its default and its description in the schema."""
    values = yaml.safe_load(VALUES.read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    return "".join(_rows(values, schema, ""))


def _rows(values: dict[str, Any], schema: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, default in values.items():
        property_ = schema["properties"][name]
        if "properties" in property_:
            yield from _rows(default, property_, f"{prefix}{name}.")
        else:
            shown = json.dumps(default).replace("|", "\\|")
            yield f"| `{prefix}{name}` | `{shown}` | {property_['description']} |\n"


def with_table(readme: str) -> str:
    """Return the README with an up-to-date table."""
    assert _TABLE.search(readme), "the README has no head row for the table"
    return _TABLE.sub(lambda _: table(), readme, count=1)


def with_comments(text: str) -> str:
    """Return values.yaml with the description of each value above it."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return "\n".join(["# The chart's README.md has these values as a table.", *_commented(lines, schema), ""])


def _commented(lines: list[str], schema: dict[str, Any]) -> Iterator[str]:
    path: list[dict[str, Any]] = [schema]
    for line in lines:
        if key := _KEY.match(line):
            indent, name = key.groups()
            del path[len(indent) // 2 + 1 :]
            property_ = path[-1].get("properties", {}).get(name, {}) if len(path) == len(indent) // 2 + 1 else {}
            if property_:  # not a part of a default
                yield from textwrap.wrap(
                    property_["description"], 100, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# "
                )
                path.append(property_)
        yield line


def main() -> None:
    VALUES.write_text(with_comments(VALUES.read_text()))
    README.write_text(with_table(README.read_text()))
    GOLDEN.write_text(helm("helm4").text())


if __name__ == "__main__":
    main()
