"""Counts in an SQLite file, which all processes of a machine share.

A transaction takes some 15 µs and never waits for the disk, so it runs on the event loop: a thread would cost several
times as much. While another process writes, it waits without blocking. The file is synchronised with the disk by
`checkpoint`, in a thread: a count survives the end of any process at once, and that of the machine after a second.
https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from random import random
from time import monotonic, time
from typing import Final, TypeVar

from aigw_extproc.limits.counting import Charge, Hit, Verdict, refusing

T = TypeVar("T")

BUSY_SECONDS: Final = 2.0
"""How long other processes may keep the file busy."""
CHECKPOINT_SECONDS: Final = 1.0
_PAUSE: Final = 0.001
_REMOVED: Final = 1000
"""Counters of past periods that are removed at a time."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, used INTEGER NOT NULL, ends INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_end ON counters (ends);
"""
_ADD: Final = """
INSERT INTO counters VALUES (?1, max(0, ?2), ?3) ON CONFLICT (key) DO UPDATE SET used = max(0, used + ?2)
"""


class SqliteLedger:
    """Implements `connect.Ledger`."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it, readable for this user only.

        Raises:
            OSError: it cannot be opened or written.
            sqlite3.Error: it is not a ledger.
        """
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._path = path
        self._file = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")
        self._file.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        self._file.execute("PRAGMA wal_autocheckpoint = 0")
        self._file.execute("PRAGMA busy_timeout = 0")

    async def take(self, hits: Sequence[Hit]) -> Verdict:
        """Count hits, all of them or none. Raises sqlite3.Error."""
        return await self._write(lambda: self._take(hits))

    async def add(self, charges: Sequence[Charge]) -> None:
        """Add charges to their counters. Raises sqlite3.Error."""
        await self._write(lambda: self._add([(charge.key, charge.amount, charge.end) for charge in charges]))

    async def tend(self) -> None:
        """Synchronise the file with the disk, and remove past periods, until cancelled."""
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            await asyncio.to_thread(self._checkpoint)

    async def close(self) -> None:
        """Close the file."""
        self._file.close()

    async def _write(self, change: Callable[[], T]) -> T:
        """Run a change in a transaction as soon as no other process writes."""
        deadline = monotonic() + BUSY_SECONDS
        while True:
            try:
                self._file.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                    raise
            await asyncio.sleep(_PAUSE * random())  # noqa: S311 - so that two processes do not meet again
        try:
            result = change()
            self._file.execute("COMMIT")
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        return result

    def _take(self, hits: Sequence[Hit]) -> Verdict:
        used = tuple(map(self._used, hits))
        refused = bool(refusing(hits, used))
        if not refused:
            self._add([(hit.key, hit.amount, hit.end) for hit in hits if hit.amount])
        return Verdict(refused=refused, used=used)

    def _used(self, hit: Hit) -> int:
        row = self._file.execute("SELECT used FROM counters WHERE key = ?", (hit.key,)).fetchone()
        return row[0] if row is not None else 0

    def _add(self, rows: Sequence[tuple[str, int, int]]) -> None:
        self._file.executemany(_ADD, rows)

    def _checkpoint(self) -> None:
        file = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            past = "SELECT key FROM counters WHERE ends < ? LIMIT ?"
            file.execute(f"DELETE FROM counters WHERE key IN ({past})", (time() - 3600, _REMOVED))  # noqa: S608
            file.execute("PRAGMA wal_checkpoint (PASSIVE)")
        except sqlite3.Error:
            return  # another process is at it, or `take` reports what is wrong
        finally:
            file.close()
