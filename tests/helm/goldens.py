"""The chart's default output, and the table of values in its README.

`python -m tests.helm.goldens` rewrites both; review the diff like code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.helm.tools import CHART, helm

GOLDEN = CHART.parents[1] / "tests" / "golden" / "helm" / "default.yaml"
README = CHART / "README.md"
_TABLE = re.compile(r"(?<=\| value \| default \| meaning \|\n\|---\|---\|---\|\n)(\|.*\n)*")


def table() -> str:
    """Return a row for each value, with its default and its description in the schema."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
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


def main() -> None:
    README.write_text(with_table(README.read_text()))
    GOLDEN.write_text(helm("helm4").text())


if __name__ == "__main__":
    main()
