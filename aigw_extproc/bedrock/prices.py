"""What models cost, from the table `prices.json`, which `make prices` generates.

Prices are whole picodollars: a dollar per million tokens is a million picodollars per token. So costs are sums of
products of whole numbers, and rounded once, to micro-dollars.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import Annotated, Final, Literal

import msgspec

from aigw_extproc.bedrock.families import base_model

PICODOLLARS: Final = 10**6
"""Picodollars in a micro-dollar."""
MAX_CACHED: Final = 1024
"""Limit of the cache of a table, since names of models come from clients."""
_MAX_DOLLARS: Final = 10**6
_GLOBAL: Final = "global."
# What may follow a name in the table, from the end: the length of a variant's context, a version, a date.
_SUFFIXES: Final = (re.compile(r":[0-9]+[a-z]+$"), re.compile(r":\d+$"), re.compile(r"-v\d+$"), re.compile(r"-\d{8}$"))

Dollars = Annotated[str, msgspec.Meta(min_length=1)]


class InvalidPrice(ValueError):
    """A price is not a decimal number of dollars that can be counted in picodollars."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Picodollars per token."""

    input: int = 0
    output: int = 0
    cache_read: int | None = None
    """None if they cost what input does, as the next."""
    cache_write: int | None = None
    long_cache_write: int | None = None
    """For an hour; None if it costs what the cache of five minutes does."""


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What is charged. The input has none of the tokens that the cache has read or written."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    """Without those for an hour."""
    long_cache_write: int = 0
    images: int = 0
    image_class: str = ""
    """Their size and quality, as in the table."""
    searches: int = 0
    tier: str = ""
    """Bedrock's service tier: `priority`, `flex`, or any other for the standard price."""

    @property
    def prompt(self) -> int:
        """All tokens of the prompt."""
        return self.input + self.cache_read + self.cache_write + self.long_cache_write


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a model costs."""

    rates: Rates = Rates()
    beyond: int = 0
    """The number of tokens of a prompt beyond which `long` applies to the whole request; 0 for never."""
    long: Rates = Rates()
    images: Mapping[str, int] = {}
    """Picodollars per image by class; `""` for all others."""
    search: int = 0
    """Picodollars per query of a reranking, of up to 100 documents."""
    source: str = ""
    """Where the price is from, and of when."""

    def cost(self, tokens: Tokens) -> int:
        """Return the cost in micro-dollars. A part of one counts as one, so that no request is free."""
        rates = self.long if self.beyond and tokens.prompt > self.beyond else self.rates
        read = rates.input if rates.cache_read is None else rates.cache_read
        written = rates.input if rates.cache_write is None else rates.cache_write
        written_long = written if rates.long_cache_write is None else rates.long_cache_write
        picodollars = (
            tokens.input * rates.input
            + tokens.output * rates.output
            + tokens.cache_read * read
            + tokens.cache_write * written
            + tokens.long_cache_write * written_long
        )
        numerator, denominator = TIERS.get(tokens.tier, (1, 1))
        if tokens.images:
            picodollars += tokens.images * self.images.get(tokens.image_class, self.images.get("", 0))
        picodollars += tokens.searches * self.search
        return -(-picodollars * numerator // (denominator * PICODOLLARS))


TIERS: Final[Mapping[str, tuple[int, int]]] = {"flex": (1, 2), "priority": (7, 4)}
"""The share of the standard price, as a fraction.

By AWS's list of prices for Nova, 2026-09-01:
https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
"""


class RateRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Dollars per million tokens, in decimal notation."""

    input: Dollars = "0"
    output: Dollars = "0"
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None
    long_cache_write: Dollars | None = None


class PriceRow(RateRow, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A price as users and the table write it."""

    beyond: int = 0
    long: RateRow | None = None
    image: Dollars | dict[str, Dollars] | None = None
    """Dollars per image, perhaps by class: `standard 1024`."""
    search: Dollars = "0"
    """Dollars per thousand queries of a reranking."""


class TableRow(PriceRow, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A row of the table."""

    model: str
    """The beginning of a base id: only a date and a version may follow."""
    scope: Literal["", "global", "regional"] = ""
    """The inference profiles that it is for; without one, all. A base id has the price of regional ones."""
    source: str


def price(row: PriceRow, source: str) -> Price:
    """Return a price from its row.

    Raises:
        InvalidPrice: a number in it is none; the text names its field.
    """
    images = row.image if isinstance(row.image, dict) else {"": row.image} if row.image is not None else {}
    if (row.long is None) != (row.beyond == 0) or row.beyond < 0:
        raise InvalidPrice("`beyond` and `long` belong together: a number of tokens, and the prices of longer prompts")
    return Price(
        rates=_rates(row, ""),
        beyond=row.beyond,
        long=_rates(row.long, "long.") if row.long is not None else Rates(),
        images={name: _picodollars(text, f"image.{name}", 10**12) for name, text in images.items()},
        search=_picodollars(row.search, "search", 10**9),
        source=source,
    )


def _rates(row: RateRow, path: str) -> Rates:
    names = ("input", "output", "cache_read", "cache_write", "long_cache_write")
    given = {name: getattr(row, name) for name in names}
    return Rates(**{name: _picodollars(text, path + name, 10**6) for name, text in given.items() if text is not None})


def _picodollars(text: str, path: str, scale: int) -> int:
    try:
        dollars = Decimal(text)
    except InvalidOperation:
        raise InvalidPrice(f"{path}: expected dollars in decimal notation, such as 0.25, got {text[:80]!r}") from None
    if not dollars.is_finite() or not 0 <= dollars <= _MAX_DOLLARS:
        raise InvalidPrice(f"{path}: expected 0 to {_MAX_DOLLARS} dollars, got {text[:80]!r}")
    scaled = dollars * scale
    if scaled != int(scaled):
        raise InvalidPrice(f"{path}: {text[:80]!r} has more decimal places than a picodollar")
    return int(scaled)


class Prices:
    """A table of prices, and what overrides it. Two are equal if the same overrides apply to the same table."""

    __slots__ = ("_cache", "_overrides", "_table")

    def __init__(self, table: Table | None, overrides: Mapping[str, Price] | None = None) -> None:
        """`overrides` are by the id that a backend is asked for, or its base id; a price for `*` is for all others."""
        self._table = table
        self._overrides = dict(overrides or {})
        self._cache: dict[str, Price | None] = {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Prices):
            return NotImplemented
        return self._table is other._table and self._overrides == other._overrides

    def __hash__(self) -> int:
        return hash(tuple(self._overrides))

    def of(self, model: str) -> Price | None:
        """Return the price of a model by its id or ARN; None if it is not known."""
        if model in self._cache:
            return self._cache[model]
        found = self._find(model)
        if len(self._cache) < MAX_CACHED:
            self._cache[model] = found
        return found

    def overridden(self, overrides: Mapping[str, Price]) -> Prices:
        """Return these prices with others before them."""
        return Prices(self._table, {**self._overrides, **overrides}) if overrides else self

    def without_table(self) -> Prices:
        """Return the overrides alone: a server that is not Bedrock's has prices of its own."""
        return Prices(None, self._overrides)

    def _find(self, model: str) -> Price | None:
        for name in (model, base_model(model), "*"):
            if name in self._overrides:
                return self._overrides[name]
        return None if self._table is None else self._table.of(model)


class Table:
    """The rows of the package's table."""

    __slots__ = ("_by_name", "rows")

    def __init__(self, rows: Iterable[TableRow]) -> None:
        self.rows = tuple(rows)
        self._by_name: dict[tuple[str, str], TableRow] = {(row.model, row.scope): row for row in self.rows}

    def of(self, model: str) -> Price | None:
        """Return the price of a model by its id or ARN; None if it has no row."""
        row = self.row(model)
        return None if row is None else price(row, row.source)

    def row(self, model: str) -> TableRow | None:
        """Return the row of a model by its id or ARN."""
        id_ = model.rsplit("/", 1)[-1] if model.startswith("arn:") else model
        scope = "global" if id_.startswith(_GLOBAL) else "regional"
        for name in _names(base_model(model)):
            row = self._by_name.get((name, scope)) or self._by_name.get((name, ""))
            if row is not None:
                return row
        return None


def _names(base: str) -> Iterator[str]:
    """Yield the names that a base id can have in the table, the longest first."""
    yield base
    for suffix in _SUFFIXES:
        shorter = suffix.sub("", base)
        if shorter != base:
            yield shorter
        base = shorter


@cache
def table() -> Table:
    """Return the package's table; it is read once."""
    text = resources.files(__package__).joinpath("prices.json").read_bytes()
    return Table(msgspec.json.decode(text, type=tuple[TableRow, ...]))


@cache
def builtin() -> Prices:
    """Return the prices of the package."""
    return Prices(table())
