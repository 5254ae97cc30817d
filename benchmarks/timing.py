"""Timing of calls."""

from __future__ import annotations

import timeit
from collections.abc import Callable

RUNS = 7


def microseconds(call: Callable[[], object], calls: int) -> float:
    """Return the cost of a call: the best of seven runs of `calls` calls, since other load only adds to it."""
    return round(min(timeit.repeat(call, number=calls, repeat=RUNS)) / calls * 1e6, 2)
