"""How far the clocks are apart, and when it matters."""

from __future__ import annotations

import pytest

from aigw_extproc.doctor.clock import check_clock

NOON = 1769860800.0  # 2026-01-31 12:00:00 UTC
HEADERS = {"date": "Sat, 31 Jan 2026 12:00:00 GMT"}


@pytest.mark.parametrize(
    ("now", "outcome", "detail"),
    [
        (NOON, "ok", "in time, within five seconds"),
        (NOON - 4.9, "ok", "in time, within five seconds"),
        (NOON + 30, "ok", "30 s ahead of the endpoint's"),
        (NOON - 240, "ok", "4 minutes behind the endpoint's"),
        (NOON + 301, "failed", "5 minutes ahead of the endpoint's; a signature may be off by 5 minutes"),
        (NOON - 7200, "failed", "120 minutes behind the endpoint's; a signature may be off by 5 minutes"),
    ],
)
def test_skew(now: float, outcome: str, detail: str) -> None:
    check = check_clock(HEADERS, "", now=now, signed=True)
    assert (check.outcome.value, check.detail) == (outcome, detail)


def test_an_api_key_holds_at_any_time() -> None:
    assert check_clock(HEADERS, "", now=NOON + 3600, signed=False).outcome.value == "ok"


def test_awss_own_words_count_before_the_header_that_a_proxy_may_have_set() -> None:
    text = "Signature expired: 20260131T120000Z is now earlier than 20260131T125500Z (20260131T130000Z - 5 min.)"
    check = check_clock(HEADERS, text, now=NOON, signed=True)
    assert check.detail == "60 minutes behind the endpoint's; a signature may be off by 5 minutes"


@pytest.mark.parametrize("headers", [{}, {"date": "noon"}])
def test_an_answer_without_a_date(headers: dict[str, str]) -> None:
    check = check_clock(headers, "", now=NOON, signed=True)
    assert (check.outcome.value, check.detail) == ("skipped", "the endpoint's answer has no date")
