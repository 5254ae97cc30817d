"""Generates `aigw_extproc/bedrock/prices.json`: the prices of genai-prices for Bedrock, and our own beside them.

`python -m tests.bedrock.price_table` writes it; `tests/bedrock/test_prices.py` compares it with the package that is
installed. genai-prices itself would take 0.3 s and 31 MB of each worker.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from genai_prices.data import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices, providers

from aigw_extproc.bedrock.prices import RateRow, TableRow

FOLDER = Path(__file__).parents[2] / "aigw_extproc" / "bedrock"
FIELDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "long_cache_write": "cache_write_1h_mtok",
}
"""Our names of the prices per million tokens, and the package's."""
_VERSION = re.compile(r"(-v\d+)?(:\d+)?$")


def bedrock_models() -> list[ModelInfo]:
    """The models of Bedrock in genai-prices."""
    (aws,) = (provider for provider in providers if provider.id == "aws")
    return list(aws.models)


def rows() -> list[TableRow]:
    """All rows, by name; ours replace those of the same name and scope."""
    theirs = {(row.model, row.scope): row for row in _theirs()}
    table = {**theirs, **{(row.model, row.scope): row for row in _ours()}}
    return [table[key] for key in sorted(table)]


def render() -> bytes:
    """The file: a row on each line, so that a change of prices is a change of lines."""
    return b"[\n" + b",\n".join(map(msgspec.json.encode, rows())) + b"\n]\n"


def current(model: ModelInfo) -> ModelPrice:
    """The price of a model today; the package lists earlier ones too."""
    if not isinstance(model.prices, list):
        return model.prices
    known = [each for each in model.prices if each.constraint is None or _begun(each.constraint)]
    return known[-1].prices


def _begun(constraint: object) -> bool:
    if not isinstance(constraint, StartDateConstraint):
        raise NotImplementedError(f"prices that depend on {type(constraint).__name__}")
    return constraint.start_date <= date.today()  # noqa: DTZ011 - a price is for days, not for moments


def _theirs() -> Iterator[TableRow]:
    source = f"genai-prices {version('genai-prices')}"
    counts = Counter(_VERSION.sub("", model.id) for model in bedrock_models())
    for model in bedrock_models():
        name = _VERSION.sub("", model.id)
        if counts[name] > 1:  # amazon.titan-embed-text-v1 and -v2
            name = re.sub(r":\d+$", "", model.id)
        scope, _, base = name.partition(".")
        if scope not in {"global", "regional"}:
            scope, base = "", name
        prices = current(model)
        rates, long, beyond = _rates(prices)
        row = TableRow(model=base, scope=scope, source=source, **rates)
        yield row if long is None else msgspec.structs.replace(row, long=long, beyond=beyond)


def _rates(prices: ModelPrice) -> tuple[dict[str, str], RateRow | None, int]:
    found = {ours: getattr(prices, theirs) for ours, theirs in FIELDS.items()}
    found = {name: price for name, price in found.items() if price is not None}
    tiers = {tier.start for price in found.values() if isinstance(price, TieredPrices) for tier in price.tiers}
    if len(tiers) > 1:
        raise NotImplementedError("more than one tier of long prompts")
    base = {name: _text(price.base if isinstance(price, TieredPrices) else price) for name, price in found.items()}
    if not tiers:
        return base, None, 0
    above = {
        name: _text(price.tiers[0].price if isinstance(price, TieredPrices) else price) for name, price in found.items()
    }
    return base, RateRow(**above), tiers.pop()


def _text(price: Decimal) -> str:
    return f"{price.normalize():f}"


def _ours() -> Iterator[TableRow]:
    sources: Mapping[str, list[dict[str, Any]]] = tomllib.loads((FOLDER / "prices.toml").read_text(encoding="utf-8"))
    for source, table in sources.items():
        for row in table:
            yield msgspec.convert({**row, "source": source}, TableRow)


if __name__ == "__main__":
    (FOLDER / "prices.json").write_bytes(render())
