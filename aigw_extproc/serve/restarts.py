"""Decides when a child that has died is started again, and when there have been too many deaths."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from aigw_extproc.serve.child import ChildFailed

PAUSES = (0.1, 0.5, 1.0, 2.0)
"""Seconds before the first, second… restart within `WINDOW_SECONDS`; with one more death the supervisor gives up."""
WINDOW_SECONDS = 60.0


class Restarts:
    """The deaths of a supervisor's children in the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deaths: deque[float] = deque()

    def pause(self, death: ChildFailed) -> float:
        """Return the seconds to wait before the child is started again.

        Raises:
            ChildFailed: there have been too many deaths.
        """
        now = self._clock()
        while self._deaths and now - self._deaths[0] >= WINDOW_SECONDS:
            self._deaths.popleft()
        self._deaths.append(now)
        if len(self._deaths) > len(PAUSES):
            reason = f"{death.reason}, the last of {len(self._deaths)} such ends in {WINDOW_SECONDS:.0f} s"
            raise ChildFailed(death.name, reason, death.last_lines)
        return PAUSES[len(self._deaths) - 1]
