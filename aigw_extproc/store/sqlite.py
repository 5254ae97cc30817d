"""Records in an SQLite file, which all processes of a machine can share.

https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from time import time
from typing import Final, TypeVar

T = TypeVar("T")

BUSY_SECONDS: Final = 5.0
"""How long another process may hold the file."""
_BATCH: Final = 50
"""Records that are removed at a time."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
    id TEXT NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL, body BLOB NOT NULL, PRIMARY KEY (id, owner)
);
CREATE INDEX IF NOT EXISTS by_age ON records (created);
CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL);
INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT * FROM total);
CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON records BEGIN
    UPDATE total SET bytes = bytes + length(NEW.body);
END;
CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON records BEGIN
    UPDATE total SET bytes = bytes - length(OLD.body);
END;
"""


class SqliteStore:
    """Implements `connect.Store`. One thread uses the file, so that the event loop does not wait for the disk."""

    def __init__(self, path: Path, *, max_seconds: float, max_bytes: int) -> None:
        """Open the file, or create it, readable for this user only.

        Raises:
            OSError: it cannot be opened or written.
            sqlite3.Error: it is not a store.
        """
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._max_seconds = max_seconds
        self._max_bytes = max_bytes
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._file = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")  # survives the end of a process, not that of the machine
        self._file.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    async def get(self, owner: str, ids: Iterable[str]) -> Mapping[str, bytes]:
        """Return the records of an owner by id; those that there are not are missing. Raises sqlite3.Error."""
        return await self._run(partial(self._get, owner, tuple(ids)))

    async def put(self, owner: str, record_id: str, body: bytes) -> None:
        """Add a record, and remove the oldest that exceed the limits. Raises sqlite3.Error."""
        await self._run(partial(self._put, owner, record_id, body))

    async def delete(self, owner: str, record_id: str) -> None:
        """Remove a record. Raises sqlite3.Error."""
        await self._run(partial(self._write, "DELETE FROM records WHERE id = ? AND owner = ?", record_id, owner))

    async def close(self) -> None:
        """Close the file."""
        await self._run(self._file.close)
        self._thread.shutdown()

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _get(self, owner: str, ids: tuple[str, ...]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for record_id in ids:
            row = self._file.execute(
                "SELECT body FROM records WHERE id = ? AND owner = ? AND created > ?",
                (record_id, owner, time() - self._max_seconds),
            ).fetchone()
            if row is not None:
                found[record_id] = row[0]
        return found

    def _put(self, owner: str, record_id: str, body: bytes) -> None:
        self._file.execute("BEGIN IMMEDIATE")
        try:
            self._file.execute("INSERT INTO records VALUES (?, ?, ?, ?)", (record_id, owner, time(), body))
            self._file.execute("DELETE FROM records WHERE created <= ?", (time() - self._max_seconds,))
            while self._file.execute("SELECT bytes FROM total").fetchone()[0] > self._max_bytes:
                oldest = "SELECT rowid FROM records ORDER BY created LIMIT ?"
                self._file.execute(f"DELETE FROM records WHERE rowid IN ({oldest})", (_BATCH,))  # noqa: S608 - constant
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    def _write(self, statement: str, *values: object) -> None:
        self._file.execute(statement, values)
