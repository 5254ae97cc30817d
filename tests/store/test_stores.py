"""Both stores: what is put is found by its owner, only as long and as much as the limits allow."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from aigw_extproc.errors import RequestTooLarge, StoreUnavailable
from aigw_extproc.exchange.messages import Chunk, Keep, NeedStored
from aigw_extproc.store.connect import ResponseStore, Store, connected, open_store
from aigw_extproc.store.options import StoreOptions
from aigw_extproc.translate.contract import StoredResponse
from tests.store.running import needs_redis, running_redis

NewStore = Callable[..., Store]
LARGE = 1024 * 1024


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty store is."""
    if request.param == "sqlite":
        yield str(tmp_path / "responses.sqlite")
    else:
        with running_redis() as url:
            yield url


@pytest.fixture
async def new_store(place: str) -> AsyncIterator[NewStore]:
    """Opens the store; closes it at the end."""
    opened: list[Store] = []

    def new(**limits: Any) -> Store:
        opened.append(open_store(StoreOptions(place=place, **limits)))
        return opened[-1]

    yield new
    for store in opened:
        await store.close()


async def test_a_record_is_found_by_its_owner_only(new_store: NewStore) -> None:
    store, other = new_store(), new_store()
    await store.put("anna", "resp_1", b"\x00one")
    await store.put("berta", "resp_1", b"two")
    assert await other.get("anna", ["resp_1", "resp_2"]) == {"resp_1": b"\x00one"}
    assert await other.get("berta", ["resp_1"]) == {"resp_1": b"two"}
    assert await other.get("", ["resp_1"]) == {}
    await other.delete("anna", "resp_1")
    assert await store.get("anna", ["resp_1"]) == {}
    assert await store.get("berta", ["resp_1"]) == {"resp_1": b"two"}


async def test_the_oldest_are_removed_when_there_are_too_many_bytes(new_store: NewStore) -> None:
    store = new_store(max_bytes=10 * LARGE)
    for number in range(100):
        await store.put("anna", f"resp_{number}", bytes(LARGE))
    found = await store.get("anna", [f"resp_{number}" for number in range(100)])
    assert len(found) <= 10
    assert "resp_99" in found or found == {}


async def test_removed_records_free_their_bytes(new_store: NewStore) -> None:
    store = new_store(max_bytes=2 * LARGE)
    await store.put("anna", "resp_1", b"kept")
    for number in range(10):
        await store.put("anna", "resp_2", bytes(LARGE + number))
        await store.delete("anna", "resp_2")
    assert await store.get("anna", ["resp_1"]) == {"resp_1": b"kept"}


async def test_a_record_is_not_found_after_its_time(new_store: NewStore) -> None:
    store = new_store(max_seconds=1)
    await store.put("anna", "resp_1", b"one")
    async with asyncio.timeout(20):
        while await store.get("anna", ["resp_1"]):  # noqa: ASYNC110 - another process's clock
            await asyncio.sleep(0.05)


WRITER = """
import asyncio, sys
from aigw_extproc.store.connect import open_store
from aigw_extproc.store.options import StoreOptions

async def main(place, owner):
    store = open_store(StoreOptions(place=place))
    for number in range(10**6):
        await store.put(owner, f"resp_{number}", f"{owner} {number}".encode() * 100)
        print(number, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def killed_writer(place: str, owner: str) -> int:
    """Return the number of the last record that a process has put before it was killed."""
    last = -1
    with subprocess.Popen([sys.executable, "-c", WRITER, place, owner], stdout=subprocess.PIPE) as writer:
        for line in writer.stdout or ():
            last = int(line)
            if last == 50:
                writer.kill()
    return last


async def test_nothing_is_lost_or_mixed_when_writers_are_killed(place: str, new_store: NewStore) -> None:
    owners = ("anna", "berta", "carla")
    written = await asyncio.gather(*(asyncio.to_thread(killed_writer, place, owner) for owner in owners))
    store = new_store()
    for owner, last in zip(owners, written, strict=True):
        wanted = {f"resp_{number}": f"{owner} {number}".encode() * 100 for number in range(last + 1)}
        assert await store.get(owner, wanted) == wanted


def test_a_file_is_for_its_user_only(tmp_path: Path) -> None:
    open_store(StoreOptions(place=str(tmp_path / "r")))
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_file_that_is_no_store_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("not a database, but a text of more than a hundred bytes" * 10)
    with pytest.raises(OSError, match=r"/r: file is not a database"):
        open_store(StoreOptions(place=str(tmp_path / "r")))


async def test_a_store_that_does_not_answer_is_an_error_to_read_and_none_to_write(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = StoredResponse(id="resp_1", body=b"{}", input=b"")
    before = store_failures()
    async with connected(StoreOptions(place="unix:///nowhere/redis.sock?password=canary")) as store:
        assert isinstance(store, ResponseStore)
        with pytest.raises(StoreUnavailable):
            await store.look_up(NeedStored(owner="", ids=("resp_1",)))
        await store.keep(Keep(owner="", response=response, then=Chunk(body=b"", final=True)))
    assert [record.message for record in caplog.records] == [
        "the store of responses cannot be read: ConnectionError",
        "a response could not be stored: ConnectionError",
    ]
    assert store_failures() == {operation: count + 1 for operation, count in before.items()}


def store_failures() -> dict[str, float]:
    name = "aigw_store_failures_total"
    return {one: REGISTRY.get_sample_value(name, {"operation": one}) or 0 for one in ("read", "write")}


async def test_ids_are_random(tmp_path: Path) -> None:
    async with connected(StoreOptions(place=str(tmp_path / "r"))) as store:
        assert store is not None
        ids = {(await store.look_up(NeedStored(owner="", ids=()))).new_id for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(new) == 32 for new in ids)


async def test_a_request_cannot_refer_to_any_amount_of_data(tmp_path: Path) -> None:
    ids = tuple(f"resp_{number}" for number in range(70))
    async with connected(StoreOptions(place=str(tmp_path / "r"))) as store:
        assert store is not None
        for each in ids:
            response = StoredResponse(id=each, body=bytes(LARGE), input=b"")
            await store.keep(Keep(owner="", response=response, then=Chunk(body=b"", final=True)))
        found = (await store.look_up(NeedStored(owner="", ids=ids[:60]))).found
        assert found.keys() == set(ids[:60])
        with pytest.raises(RequestTooLarge):
            await store.look_up(NeedStored(owner="", ids=ids))
