"""What is asked of the ledger, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aigw_extproc.config.limits import Unit

SHADOW = -1


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A request at one counter: whether there is something left, and what it takes at once."""

    key: str
    """Of the counter in this period."""
    end: int
    """When the period ends, in seconds since 1970."""
    limit: int
    amount: int
    group: int
    """Hits of a group refuse a request together only; SHADOW for one that refuses nothing."""


class Verdict(msgspec.Struct, frozen=True):
    """What the ledger says about some hits: either all were counted, or none."""

    refused: bool
    used: tuple[int, ...]
    """What each counter had before."""


class Charge(msgspec.Struct, frozen=True, gc=False):
    """What is added to a counter, whatever its limit; a negative amount is given back."""

    key: str
    end: int
    amount: int


class Due(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a response is to be charged for, at its end."""

    counter: str
    unit: Unit
    cost: int | str
    """As `response_cost` of the limit."""
    reserved: int = 0
    """What was taken before for it, and is given back."""
    key: str = ""
    """The counter in the period in which it was taken."""
    end: int = 0
    """Of that period."""
    priced: bool = False
    """Whether the request is refused if the price of its model is not known."""


def key_of(counter: str, start: int) -> str:
    """Return the key of a counter in the period that begins at `start`."""
    return f"{counter}:{start}"


def is_exceeded(hit: Hit, used: int) -> bool:
    """Return whether a counter has nothing left for a hit. One that takes nothing needs at least one unit."""
    return used + max(hit.amount, 1) > hit.limit


def refusing(hits: Sequence[Hit], used: Sequence[int]) -> list[int]:
    """Return the positions of the hits that refuse the request; empty if it may pass."""
    exceeded = [is_exceeded(hit, amount) for hit, amount in zip(hits, used, strict=True)]
    open_groups = {hit.group for hit, over in zip(hits, exceeded, strict=True) if not over}
    return [index for index, hit in enumerate(hits) if hit.group not in open_groups and hit.group != SHADOW]
