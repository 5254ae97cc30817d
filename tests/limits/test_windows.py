"""The periods of limits: consecutive, without a gap, and those of the calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.config.limits import Unit
from aigw_extproc.limits.windows import window

UNITS: tuple[Unit, ...] = get_args(Unit)
TIMES = st.floats(min_value=0, max_value=4_000_000_000)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@given(unit=st.sampled_from(UNITS), now=TIMES)
def test_a_period_holds_its_time_and_the_next_begins_at_its_end(unit: Unit, now: float) -> None:
    start, end = window(unit, now)
    assert start <= now < end
    assert window(unit, start) == (start, end)
    assert window(unit, end)[0] == end
    assert window(unit, end - 0.001) == (start, end)


@given(now=TIMES)
def test_longer_periods_are_made_of_shorter_ones(now: float) -> None:
    bounds = [window(unit, now) for unit in UNITS]
    for (start, end), (longer_start, longer_end) in pairwise(bounds):
        assert longer_start <= start < end <= longer_end


@pytest.mark.parametrize(
    ("unit", "now", "start", "end"),
    [
        ("Minute", "2026-11-28T08:46:15", "2026-11-28T08:46:00", "2026-11-28T08:47:00"),
        ("Day", "2026-11-28T08:46:15", "2026-11-28", "2026-11-29"),
        ("Month", "2026-11-28T08:46:15", "2026-11-01", "2026-12-01"),
        ("Month", "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
        ("Month", "2028-02-29T12:00:00", "2028-02-01", "2028-03-01"),
        ("Year", "2028-02-29T12:00:00", "2028-01-01", "2029-01-01"),
    ],
)
def test_periods_are_those_of_the_calendar_in_utc(unit: Unit, now: str, start: str, end: str) -> None:
    assert window(unit, at(now)) == (at(start), at(end))
