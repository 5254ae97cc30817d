"""How long a call takes."""

from __future__ import annotations

import timeit
from collections.abc import Callable

RUNS = 7


def microseconds(call: Callable[[], object], calls: int) -> float:
    """The cost of one call: the best of seven runs of `calls` calls, since whatever else runs only adds to it."""
    return round(min(timeit.repeat(call, number=calls, repeat=RUNS)) / calls * 1e6, 2)
