"""Tests for aigw_extproc.doctor.clock."""

from __future__ import annotations

import pytest

from aigw_extproc.doctor.clock import check_clock

NOON = 1769860800.0  # 2026-01-31 12:00:00 UTC
HEADERS = {"date": "Sat, 31 Jan 2026 12:00:00 GMT"}


@pytest.mark.parametrize(
    ("now", "outcome", "detail"),
    [
        (NOON, "ok", "correct to within five seconds"),
        (NOON - 4.9, "ok", "correct to within five seconds"),
        (NOON + 30, "ok", "30 s ahead of the endpoint's clock"),
        (NOON - 240, "ok", "4 minutes behind the endpoint's clock"),
        (NOON + 301, "failed", "5 minutes ahead of the endpoint's clock; signatures allow a difference of 5 minutes"),
        (NOON - 7200, "failed", "120 minutes behind the endpoint's clock; signatures allow a difference of 5 minutes"),
    ],
)
def test_skew(now: float, outcome: str, detail: str) -> None:
    check = check_clock(HEADERS, "", now=now, signed=True)
    assert (check.outcome.value, check.detail) == (outcome, detail)


def test_an_api_key_is_valid_at_any_time() -> None:
    assert check_clock(HEADERS, "", now=NOON + 3600, signed=False).outcome.value == "ok"


def test_the_time_in_an_error_wins_over_the_header_that_a_proxy_may_have_set() -> None:
    text = "Signature expired: 20260131T120000Z is now earlier than 20260131T125500Z (20260131T130000Z - 5 min.)"
    check = check_clock(HEADERS, text, now=NOON, signed=True)
    assert check.detail == "60 minutes behind the endpoint's clock; signatures allow a difference of 5 minutes"


@pytest.mark.parametrize("headers", [{}, {"date": "noon"}])
def test_a_response_without_a_date(headers: dict[str, str]) -> None:
    check = check_clock(headers, "", now=NOON, signed=True)
    assert (check.outcome.value, check.detail) == ("skipped", "the endpoint's response has no date")
