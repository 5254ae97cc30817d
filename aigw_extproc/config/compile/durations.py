"""Compilation of durations, and of the time limits of a rule."""

from __future__ import annotations

from typing import Final

from aigw_extproc.config.resources import names
from aigw_extproc.config.resources.ai_gateway import RouteRule
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.traffic import Timeouts

_MAX_SECONDS: Final = 2**31 / 1000  # Envoy's timers count milliseconds in 32 bits


def duration(text: str | None, place: Place, *, zero: bool = False) -> float | None:
    """Return a duration in seconds; None if there is none, or if it is invalid, which is a problem at `place`.

    `zero` says whether 0, which switches a limit off, is valid.
    """
    if text is None:
        return None
    value = names.duration(text)
    if value is None or value > _MAX_SECONDS or (value == 0 and not zero):
        place.problem(
            f"{place.show(text)} is not a duration of {'0s' if zero else '1ms'} to 24 days, such as 30s or 1h30m"
        )
        return None
    return value


def compile_timeouts(rule: RouteRule, place: Place) -> Timeouts:
    """Return the time limits of a rule at `place`."""
    return Timeouts(
        request=duration(rule.timeouts.request, place.field("timeouts.request"), zero=True),
        attempt=duration(rule.timeouts.backend_request, place.field("timeouts.backendRequest"), zero=True),
        stream_idle=duration(rule.stream_idle_timeout, place.field("streamIdleTimeout"), zero=True),
    )
