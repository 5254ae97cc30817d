"""The silences of one stream: when to send a ping, and when to give its upstream up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aigw_extproc.exchange.messages import Pings


class Pulse:
    """A timer that measures silences. It costs a chunk two assignments: the timer is set again only when it fires."""

    __slots__ = ("_give_up", "_heard", "_loop", "_ping", "_pings", "_said", "_timer")

    def __init__(self, pings: Pings, ping: Callable[[], None], give_up: Callable[[], None]) -> None:
        """Begin to measure. `ping` is called after each silence towards the client, `give_up` once at most."""
        self._pings = pings
        self._ping = ping
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._heard = self._said = self._loop.time()
        self._timer = self._loop.call_later(min(pings.every, pings.limit), self._fire)

    def beat(self, *, said: bool) -> None:
        """Note a chunk of the upstream's; `said` if something was sent to the client for it."""
        self._heard = self._loop.time()
        if said:
            self._said = self._heard

    def stop(self) -> None:
        """End, before the stream does."""
        self._timer.cancel()

    def _fire(self) -> None:
        now = self._loop.time()
        if now - self._heard >= self._pings.limit:
            self._give_up()
            return
        if now - self._said >= self._pings.every:
            self._said = now
            self._ping()
        due = min(self._said + self._pings.every, self._heard + self._pings.limit)
        self._timer = self._loop.call_at(due, self._fire)
