"""Tests for aigw_extproc.serve.restarts."""

from __future__ import annotations

import pytest

from aigw_extproc.serve.child import ChildFailed
from aigw_extproc.serve.restarts import PAUSES, WINDOW_SECONDS, Restarts

DEATH = ChildFailed("worker 1", "ended by itself (exit code 1)", None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_pauses_grow_until_there_are_too_many_deaths() -> None:
    restarts = Restarts(Clock())
    assert [restarts.pause(DEATH) for _ in PAUSES] == list(PAUSES)
    with pytest.raises(ChildFailed) as raised:
        restarts.pause(DEATH)
    reason = "ended by itself (exit code 1), the last of 5 such ends in 60 s"
    assert str(raised.value) == f"worker 1 {reason}; its log has the reason"


def test_old_deaths_do_not_count() -> None:
    clock = Clock()
    restarts = Restarts(clock)
    for _ in range(100):
        assert restarts.pause(DEATH) == PAUSES[0]
        clock.now += WINDOW_SECONDS
