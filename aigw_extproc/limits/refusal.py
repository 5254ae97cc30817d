"""The error for a request that a limit refuses, with the headers that clients' SDKs read.

* https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
* https://docs.anthropic.com/en/api/rate-limits#response-headers
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Final

from aigw_extproc.config.limits import Limit
from aigw_extproc.errors import BudgetExceeded, LimitExceeded
from aigw_extproc.limits.counting import Hit, refusing

RETRIED_SECONDS: Final = 60
"""The longest wait after which SDKs should try again. Refusals with a longer one say `x-should-retry: false`."""


def refusal(
    hits: Sequence[Hit], limits: Sequence[Limit], used: Sequence[int], *, now: float, anthropic: bool
) -> LimitExceeded:
    """Return the error for hits that a ledger has refused: it names the limit that is in effect for longest."""
    at = max(_decisive(hits, used), key=lambda index: hits[index].end)
    limit, wait = limits[at], max(1, ceil(hits[at].end - now))
    period = limit.unit.lower()
    headers = [("retry-after", str(wait))]
    if wait > RETRIED_SECONDS:
        headers.append(("x-should-retry", "false"))
    next_begins = f"the next {period} begins in {_duration(wait)}"
    if limit.kind == "money":
        dollars = _dollars(limit.limit)
        return BudgetExceeded(
            f"this client has used up its budget of ${dollars} per {period}; {next_begins}", headers=headers
        )
    left = max(0, limit.limit - used[at])
    headers += _anthropic(limit, left, hits[at].end) if anthropic else _openai(limit, left, wait)
    return LimitExceeded(
        f"this client has used up its limit of {limit.limit:,} {limit.kind} per {period}; {next_begins}",
        headers=headers,
    )


def _decisive(hits: Sequence[Hit], used: Sequence[int]) -> Iterator[int]:
    """Yield the hits that refuse; of a group the one with the nearest end, after which the group lets requests pass."""
    groups: dict[int, list[int]] = {}
    for index in refusing(hits, used):
        groups.setdefault(hits[index].group, []).append(index)
    for members in groups.values():
        yield min(members, key=lambda index: hits[index].end)


def _openai(limit: Limit, left: int, wait: int) -> list[tuple[str, str]]:
    return [
        (f"x-ratelimit-limit-{limit.kind}", str(limit.limit)),
        (f"x-ratelimit-remaining-{limit.kind}", str(left)),
        (f"x-ratelimit-reset-{limit.kind}", _duration(wait)),
    ]


def _anthropic(limit: Limit, left: int, end: int) -> list[tuple[str, str]]:
    reset = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        (f"anthropic-ratelimit-{limit.kind}-limit", str(limit.limit)),
        (f"anthropic-ratelimit-{limit.kind}-remaining", str(left)),
        (f"anthropic-ratelimit-{limit.kind}-reset", reset),
    ]


def _dollars(micro: int) -> str:
    """Return micro-dollars as dollars, with as many decimals as are needed, but at least two."""
    whole, decimals = divmod(micro, 10**6)
    return f"{whole:,}.{f'{decimals:06}'.rstrip('0'):0<2}"


def _duration(seconds: int) -> str:
    """Return a time as OpenAI writes it: `6m0s`."""
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    first = next(index for index, (number, _) in enumerate(parts) if number or index == len(parts) - 1)
    return "".join(f"{number}{unit}" for number, unit in parts[first:])
