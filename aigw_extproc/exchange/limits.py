"""The time limits of a request, as headers for Envoy."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from aigw_extproc.config.traffic import WHOLE_ANSWER_SECONDS, Retry, Timeouts
from aigw_extproc.exchange.messages import Pairs
from aigw_extproc.exchange.names import ATTEMPT_TIMEOUT_HEADER, IDLE_HEADER, TIMEOUT_HEADER

UNLIMITED: Final = "unlimited"
"""The value of IDLE_HEADER for no idle timeout."""


@lru_cache(maxsize=1024)
def time_limits(timeouts: Timeouts, *, stream: bool) -> Pairs:
    """Return the headers of a request, whose answer is streamed or not.

    A whole answer has a limit, and may be idle until then. By default a stream has none, but the listener's idle
    timeout.
    """
    if not stream:
        limit = WHOLE_ANSWER_SECONDS if timeouts.request is None else timeouts.request
        return ((IDLE_HEADER, UNLIMITED), *_limit(limit))
    idle = () if timeouts.stream_idle is None else ((IDLE_HEADER, idle_value(timeouts.stream_idle)),)
    return idle + _limit(timeouts.request)


def attempt_limits(timeouts: Timeouts, retry: Retry) -> Pairs:
    """Return the headers of a request that has attempts: the limit of all together, and of each until its answer."""
    return _limit(timeouts.request) + _limit(retry.timeout, ATTEMPT_TIMEOUT_HEADER)


def idle_value(seconds: float) -> str:
    """Return the value of IDLE_HEADER for an idle timeout; 0 is none."""
    return f"{_milliseconds(seconds)}ms" if seconds else UNLIMITED


def _limit(seconds: float | None, header: str = TIMEOUT_HEADER) -> Pairs:
    return ((header, str(_milliseconds(seconds))),) if seconds else ()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
