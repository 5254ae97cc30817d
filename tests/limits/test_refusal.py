"""Which hits refuse a request, and what the error says."""

from __future__ import annotations

import pytest

from aigw_extproc.config.limits import Limit
from aigw_extproc.limits.counting import SHADOW, Hit, refusing
from aigw_extproc.limits.refusal import refusal

NOW = 1_000_000_000.5


def hit(limit: int, amount: int = 1, group: int = 0, end: int = 1_000_000_010) -> Hit:
    return Hit("key", end, limit, amount, group)


@pytest.mark.parametrize(
    ("hits", "used", "refused"),
    [
        ([hit(2)], [1], []),
        ([hit(2)], [2], [0]),
        ([hit(2, amount=2)], [1], [0]),
        ([hit(2, amount=0)], [1], []),
        ([hit(2, amount=0)], [2], [0]),
        ([hit(0, amount=0)], [0], [0]),
        ([hit(2), hit(1, group=1)], [0, 1], [1]),
        ([hit(2), hit(1)], [0, 1], []),
        ([hit(2), hit(1)], [2, 1], [0, 1]),
        ([hit(0, group=SHADOW)], [5], []),
        ([hit(0, group=SHADOW), hit(1)], [5, 1], [1]),
    ],
)
def test_a_group_refuses_if_each_of_its_counters_has_too_little_left(
    hits: list[Hit], used: list[int], refused: list[int]
) -> None:
    assert refusing(hits, used) == refused


def test_the_limit_that_is_in_effect_for_longest_is_named() -> None:
    soon, late = (Limit(name=unit, policy="P", limit=2, unit=unit) for unit in ("Minute", "Day"))  # type: ignore[arg-type] # mypy sees text
    hits = [hit(2, group=0), hit(2, group=1, end=1_000_090_061)]
    error = refusal(hits, [soon, late], [2, 3], now=NOW, anthropic=False)
    assert error.message == "this client has used up its limit of 2 requests per day; the next day begins in 1d1h1m1s"
    assert dict(error.headers) == {
        "retry-after": "90061",
        "x-should-retry": "false",
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1d1h1m1s",
    }


def test_anthropics_headers() -> None:
    limit = Limit(name="a", policy="P", limit=1_000, unit="Minute", request_cost=0, kind="tokens")
    error = refusal([hit(1_000, 0)], [limit], [1_000], now=NOW, anthropic=True)
    assert error.message.startswith("this client has used up its limit of 1,000 tokens per minute")
    assert dict(error.headers) == {
        "retry-after": "10",
        "anthropic-ratelimit-tokens-limit": "1000",
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "2001-09-09T01:46:50Z",
    }


def test_of_a_group_the_first_end_counts() -> None:
    limits = [Limit(name=unit, policy="P", limit=2, unit=unit) for unit in ("Minute", "Day")]  # type: ignore[arg-type] # as above
    error = refusal([hit(2), hit(2, end=2_000_000_000)], limits, [2, 2], now=NOW, anthropic=False)
    assert dict(error.headers)["retry-after"] == "10"
