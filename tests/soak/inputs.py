"""Random inputs through complete exchanges and the configuration's compiler."""

from __future__ import annotations

import time
import traceback
from random import Random

from tests.fuzz.exchanges import exchange
from tests.fuzz.policies import policies

SHARE_OF_POLICIES = 20
"""One input in so many is a file: it takes ten times as long as an exchange."""
REPORTED = 20


def try_inputs(count: int, seed: str) -> list[str]:
    """Try so many inputs, and return the failures, once for each place that raised.

    An input depends on the seed and its number alone, so a failure can be repeated: `exchange(Random("SEED-NUMBER"))`.
    """
    failures: dict[str, str] = {}
    begun = time.monotonic()
    for number in range(count):
        attempt = exchange if number % SHARE_OF_POLICIES else policies
        try:
            attempt(Random(f"{seed}-{number}"))
        except Exception as error:  # any exception is a finding
            place = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"{type(error).__name__} at {place.filename}:{place.lineno}"
            failures.setdefault(reason, f'{reason}: {attempt.__name__}(Random("{seed}-{number}")): {str(error)[:200]}')
        if len(failures) == REPORTED:
            break
    seconds = time.monotonic() - begun
    rate = count / max(seconds, 0.001)
    print(f"{count:,} random inputs in {seconds:.0f} s, {rate:,.0f} a second: {len(failures)} failures")
    return list(failures.values())
