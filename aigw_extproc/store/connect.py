"""The store that the options name."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final, Protocol

import msgspec

from aigw_extproc import metrics
from aigw_extproc.errors import RequestTooLarge, StoreUnavailable
from aigw_extproc.exchange.messages import Keep, NeedStored
from aigw_extproc.store.options import StoreOptions
from aigw_extproc.translate.contract import Stored, StoredResponse

log = logging.getLogger(__name__)

MAX_BYTES: Final = 64 * 1024 * 1024
"""Of the records that one request may refer to."""
BATCH: Final = 32
"""Records that are read at a time."""

_RECORD = msgspec.msgpack.Decoder(StoredResponse)


class Store(Protocol):
    """Records by owner and id."""

    async def get(self, owner: str, ids: Iterable[str]) -> Mapping[str, bytes]:
        """Return the records of an owner by id; those that there are not are missing."""
        ...

    async def put(self, owner: str, record_id: str, body: bytes) -> None:
        """Add a record, and remove the oldest that exceed the limits."""
        ...

    async def delete(self, owner: str, record_id: str) -> None:
        """Remove a record."""
        ...

    async def close(self) -> None:
        """Release what the store uses."""
        ...


class ResponseStore:
    """What an exchange asks of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look_up(self, needed: NeedStored) -> Stored:
        """Return the responses that an exchange needs, and a new id.

        Raises:
            StoreUnavailable: the store does not answer.
            RequestTooLarge: they are too large together.
        """
        try:
            found = await self._read(needed.owner, needed.ids)
            for record_id in found if needed.delete else ():
                await self._store.delete(needed.owner, record_id)
        except RequestTooLarge:
            raise
        except Exception as error:
            metrics.STORE_FAILURES.labels("read").inc()
            log.error("the store of responses cannot be read: %s", type(error).__name__)
            raise StoreUnavailable from None
        return Stored(new_id=token_hex(16), found=found)

    async def _read(self, owner: str, ids: Sequence[str]) -> dict[str, StoredResponse]:
        found: dict[str, StoredResponse] = {}
        size = 0
        for begin in range(0, len(ids), BATCH):
            records = await self._store.get(owner, ids[begin : begin + BATCH])
            size += sum(map(len, records.values()))
            if size > MAX_BYTES:
                raise RequestTooLarge("the request refers to too many stored responses: send the items themselves")
            found |= {record_id: _RECORD.decode(body) for record_id, body in records.items()}
        return found

    async def keep(self, wanted: Keep) -> None:
        """Store a response. A failure is logged: the client gets its response, which was paid for, nevertheless."""
        body = msgspec.msgpack.encode(wanted.response)
        try:
            await self._store.put(wanted.owner, wanted.response.id, body)
        except Exception as error:
            metrics.STORE_FAILURES.labels("write").inc()
            log.error("a response could not be stored: %s", type(error).__name__)


def open_store(options: StoreOptions) -> Store:
    """Open the store at the place that the options name.

    Raises:
        OSError: the file cannot be opened, or is not a store.
        ValueError: the URL of a Redis server is wrong.
        ModuleNotFoundError: the package `redis` is not installed.
    """
    limits = {"max_seconds": options.max_seconds, "max_bytes": options.max_bytes}
    if options.is_redis:
        from aigw_extproc.store.redis import RedisStore

        return RedisStore(options.place, **limits)
    import sqlite3

    from aigw_extproc.store.sqlite import SqliteStore

    try:
        return SqliteStore(Path(options.place), **limits)
    except sqlite3.Error as error:
        raise OSError(f"{options.place}: {error}") from None


@asynccontextmanager
async def connected(options: StoreOptions | None) -> AsyncIterator[ResponseStore | None]:
    """Open the store for the block; None without options. Raises as `open_store`."""
    if options is None:
        yield None
        return
    store = open_store(options)
    try:
        yield ResponseStore(store)
    finally:
        await store.close()
