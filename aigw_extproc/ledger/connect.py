"""The ledger that the options name."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from aigw_extproc import metrics
from aigw_extproc.errors import LimitsUnavailable
from aigw_extproc.exchange.messages import NeedLimits
from aigw_extproc.ledger.options import is_shared
from aigw_extproc.limits.counting import Charge, Hit, Verdict

log = logging.getLogger(__name__)

MAX_WAITING: Final = 100_000
"""Charges that wait for a ledger that does not answer."""
RETRY_SECONDS: Final = 1.0


class Ledger(Protocol):
    """Counters by key."""

    async def take(self, hits: Sequence[Hit]) -> Verdict:
        """Count hits, all of them or none."""
        ...

    async def add(self, charges: Sequence[Charge]) -> None:
        """Add charges to their counters; none falls below 0."""
        ...

    async def tend(self) -> None:
        """Do what has to be done from time to time, until cancelled."""
        ...

    async def close(self) -> None:
        """Release what the ledger uses."""
        ...


class Allowances:
    """What exchanges ask of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: deque[Charge] = deque(maxlen=MAX_WAITING)
        """What the ledger has not taken yet."""
        self._answers = True

    async def take(self, needed: NeedLimits) -> Verdict | None:
        """Return what the ledger says; None if it does not answer, and all of the limits are open then.

        Raises:
            LimitsUnavailable: it does not answer, and a limit is closed then.
        """
        try:
            verdict = await self._ledger.take(needed.hits)
        except Exception as error:
            self._failed("take", error)
            if not all(limit.fail_open or limit.shadow for limit in needed.limits):
                metrics.count_limits(needed, "unavailable")
                raise LimitsUnavailable from None
            metrics.count_limits(needed, "open")
            return None
        self._answers = True
        metrics.count_limits(needed, "refused" if verdict.refused else "passed", verdict.used)
        return verdict

    async def charge(self, charges: Sequence[Charge]) -> None:
        """Charge for a response. What the ledger does not take now is charged when it answers again."""
        try:
            await self._ledger.add(charges)
        except Exception as error:
            self._failed("charge", error)
            self._waiting.extend(charges)

    async def tend(self) -> None:
        """Tend the ledger, and charge what waits, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ledger.tend())
            while True:
                await asyncio.sleep(RETRY_SECONDS)
                await self._charge_waiting()

    async def _charge_waiting(self) -> None:
        if self._waiting:
            charges = list(self._waiting)
            self._waiting.clear()
            await self.charge(charges)

    async def close(self) -> None:
        """Charge what waits, if the ledger answers, and release it."""
        await self._charge_waiting()
        if self._waiting:
            log.error("%d charges are lost: the ledger of limits does not answer", len(self._waiting))
        await self._ledger.close()

    def _failed(self, operation: str, error: Exception) -> None:
        metrics.LEDGER_FAILURES.labels(operation).inc()
        if self._answers:  # one line, not one for each request
            log.error("the ledger of limits does not answer: %s", type(error).__name__)
        self._answers = False


def open_ledger(place: str) -> Ledger:
    """Open the ledger at a path, or at the URL of a Redis server.

    Raises:
        OSError: the file cannot be opened, or is not a ledger.
        ValueError: the URL is wrong.
        ModuleNotFoundError: the package `redis` is not installed.
    """
    # Imported here, so that a process loads only what it uses.
    if is_shared(place):
        from aigw_extproc.ledger.redis import RedisLedger

        return RedisLedger(place)
    import sqlite3

    from aigw_extproc.ledger.sqlite import SqliteLedger

    try:
        return SqliteLedger(Path(place))
    except sqlite3.Error as error:
        raise OSError(f"{place}: {error}") from None


@asynccontextmanager
async def opened(place: str | None) -> AsyncIterator[Allowances | None]:
    """Open the ledger for the block; None without a place. Raises as `open_ledger`."""
    if not place:
        yield None
        return
    allowances = Allowances(open_ledger(place))
    try:
        async with asyncio.TaskGroup() as tasks:
            tending = tasks.create_task(allowances.tend())
            yield allowances
            tending.cancel()
    finally:
        await allowances.close()
