"""A Backend and its Secret that move together, under load: no request is signed for one account and sent to another."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from aigw_extproc.serve.source import ConfigurationSource
from aigw_extproc.simulator.settings import Settings
from tests.gateway.resources import Document, backend, ref, route, rule, write
from tests.gateway.running import question
from tests.run.test_gateway import demo, running, url
from tests.serve.test_supervisor import until
from tests.simulator.running import RunningSimulator, running_simulator

MOVES = int(os.environ.get("AIGW_MOVES", "2"))
CLIENTS = 8
Replace = Callable[[Path, list[Document]], None]


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[RunningSimulator, RunningSimulator]]:
    """Two accounts: each knows its own key only."""
    with running_simulator(_account("A")) as first, running_simulator(_account("B")) as second:
        yield first, second


def _account(name: str) -> Settings:
    return Settings(credentials={f"KEY{name}": f"secret-{name}"})


def resources(account: RunningSimulator, *, failover: bool) -> list[Document]:
    ((key_id, secret),) = account.settings.credentials.items()
    refs = (ref(), ref(priority=1)) if failover else (ref(),)
    return [route("models", rule(*refs, model="nova")), *backend("bedrock", account.port, key_id=key_id, secret=secret)]


def in_place(folder: Path, documents: list[Document]) -> None:
    write(folder / "resources.yaml", *documents)


def by_symlink(folder: Path, documents: list[Document]) -> None:
    """As kubelet does: the file is a link through a folder that is a link, which is replaced."""
    version = folder / f"..{len(list(folder.iterdir()))}"
    version.mkdir()
    write(version / "resources.yaml", *documents)
    (folder / "..tmp").symlink_to(version.name)
    (folder / "..tmp").rename(folder / "..data")
    if not (folder / "resources.yaml").exists():
        (folder / "resources.yaml").symlink_to("..data/resources.yaml")


@asynccontextmanager
async def load(address: str) -> AsyncIterator[Counter[int]]:
    """Send requests from several clients during the block, and count the statuses."""
    statuses: Counter[int] = Counter()
    stopped = asyncio.Event()

    async def ask(client: httpx.AsyncClient) -> None:
        while not stopped.is_set():
            response = await client.post(address, json=question("nova"))
            statuses[response.status_code] += 1

    async with httpx.AsyncClient(timeout=30) as client, asyncio.TaskGroup() as tasks:
        for _ in range(CLIENTS):
            tasks.create_task(ask(client))
        try:
            yield statuses
        finally:
            stopped.set()


def _last(account: RunningSimulator) -> str | None:
    requests = account.requests()
    return requests[-1]["id"] if requests else None


def _answers_since(account: RunningSimulator, seen: str | None) -> bool:
    return _last(account) != seen


@pytest.mark.parametrize("failover", [False, True], ids=["one attempt", "failover"])
@pytest.mark.parametrize("replace", [in_place, by_symlink])
async def test_a_backend_moves_with_its_secret(
    replace: Replace, failover: bool, accounts: tuple[RunningSimulator, RunningSimulator], tmp_path: Path
) -> None:
    replace(tmp_path, resources(accounts[0], failover=failover))
    options = demo(source=ConfigurationSource(paths=(tmp_path,)), start_simulator=False)
    async with running(options), load(url(options)) as statuses:
        for move in range(1, MOVES + 1):
            to = accounts[move % 2]
            seen = _last(to)
            replace(tmp_path, resources(to, failover=failover))
            await until(partial(_answers_since, to, seen))
    assert set(statuses) == {200}
