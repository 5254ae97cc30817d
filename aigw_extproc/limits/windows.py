"""The periods that limits are for: of the clock and the calendar, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from aigw_extproc.config.limits import Unit

_SECONDS: Final = {"Second": 1, "Minute": 60, "Hour": 3600, "Day": 86400}


def window(unit: Unit, now: float) -> tuple[int, int]:
    """Return the beginning and the end of the period at `now`, in seconds since 1970. The end belongs to the next."""
    length = _SECONDS.get(unit)
    if length is not None:
        start = int(now) // length * length
        return start, start + length
    day = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if unit == "Month":
        following = day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)
    else:
        day = day.replace(month=1)
        following = day.replace(year=day.year + 1)
    return int(day.timestamp()), int(following.timestamp())
