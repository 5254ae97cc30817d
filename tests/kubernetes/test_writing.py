"""Writers of statuses: one at a time, as little as possible, and again after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aigw_extproc.kubernetes import lease, watching, writing
from aigw_extproc.kubernetes.client import Api
from aigw_extproc.kubernetes.lease import Lease
from aigw_extproc.kubernetes.options import Access, GatewayName, KubernetesOptions
from aigw_extproc.serve.following import following
from tests.kubernetes.documents import GATEWAY, gateway, route, service, to
from tests.kubernetes.running import Cluster, running_cluster
from tests.kubernetes.test_follow import SOON

LEASE = f"aigw-extproc-{GATEWAY}"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path) as running:
        running.apply(gateway(), *service("good", 80), route("a", to("good", "nova")))
        yield running


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PAUSES", (0.02, 0.05))
    monkeypatch.setattr(writing, "PAUSES", (0.05, 0.1))
    monkeypatch.setattr(writing, "WAIT_SECONDS", 0.1)


@asynccontextmanager
async def replica(cluster: Cluster, folder: Path) -> AsyncIterator[None]:
    """One pod's reader and writer."""
    folder.mkdir()  # noqa: ASYNC240 - takes microseconds
    name = GatewayName(namespace=cluster.namespace, name=GATEWAY)
    options = KubernetesOptions(gateway=name, access=Access(kubeconfig=cluster.kubeconfig))
    async with following(options, folder / "gateway.json"):
        yield


async def until(cluster: Cluster, name: str, condition: str, status: str) -> tuple[str, str]:
    return await asyncio.to_thread(cluster.until, "AIGatewayRoute", name, condition, status, SOON)


def patches(cluster: Cluster) -> list[str]:
    return [path for method, path in cluster.faults.journal if method == "PATCH"]


async def test_of_several_replicas_one_writes_each_status(cluster: Cluster, tmp_path: Path) -> None:
    async with replica(cluster, tmp_path / "a"), replica(cluster, tmp_path / "b"), replica(cluster, tmp_path / "c"):
        await until(cluster, "a", "Accepted", "True")
        await asyncio.to_thread(cluster.until, "Gateway", GATEWAY, "Programmed", "True", SOON)
        cluster.apply(route("b", to("nothing", "claude")))
        await until(cluster, "b", "ResolvedRefs", "False")
        await asyncio.sleep(0.5)  # only time shows that nothing more is written
    changed = [
        (address[1], value["metadata"]["name"])
        for _, event, address, value in cluster.faults.history
        if event == "MODIFIED" and address[1] not in ("gateways", "leases")  # a Gateway counts its routes
    ]
    assert sorted(set(changed)) == sorted(changed)
    assert ("aigatewayroutes", "b") in changed
    assert [each["reason"] for each in cluster.events()] == ["RefNotFound"]
    assert cluster.get("Lease", LEASE)["spec"]["holderIdentity"] == ""


async def test_nothing_is_written_when_nothing_changes(cluster: Cluster, tmp_path: Path) -> None:
    async with replica(cluster, tmp_path / "a"):
        await until(cluster, "a", "Accepted", "True")
        await asyncio.to_thread(cluster.until, "Gateway", GATEWAY, "Programmed", "True", SOON)
    before = len(patches(cluster))
    async with replica(cluster, tmp_path / "b"):
        cluster.apply(route("b", to("good", "claude")))
        await until(cluster, "b", "Accepted", "True")
    assert {path.rpartition("/status")[0].rpartition("/")[2] for path in patches(cluster)[before:]} <= {"b", GATEWAY}


async def test_the_lease_of_another_is_respected_until_it_ends(cluster: Cluster) -> None:
    now = 0.0
    name = GatewayName(namespace=cluster.namespace, name=GATEWAY)
    access = Access(kubeconfig=cluster.kubeconfig)
    api = Api(access)
    try:
        first, second = (Lease(api, name, holder, lambda: now) for holder in ("first", "second"))
        assert (await first.acquire(), await second.acquire()) == (True, False)
        now = lease.SECONDS - 1.0
        assert await second.acquire() is False
        assert await first.acquire() is True
        now = 2 * lease.SECONDS - 2.0
        assert await second.acquire() is False
        now = 3.0 * lease.SECONDS
        assert (await second.acquire(), await first.acquire()) == (True, False)
        await first.release()
        assert await first.acquire() is False
        await second.release()
        assert await first.acquire() is True
    finally:
        await api.close()


async def test_a_status_that_cannot_be_written_is_told_once(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.faults.unwritable = {"aigatewayroutes"}
    async with replica(cluster, tmp_path / "a"):
        await asyncio.to_thread(cluster.until, "Gateway", GATEWAY, "Programmed", "True", SOON)
        cluster.apply(route("b", to("good", "claude")))
        while "routes/b" not in str(patches(cluster)):  # noqa: ASYNC110 - the fake API sets no event of ours
            await asyncio.sleep(0.01)
    assert caplog.text.count("cannot write the status of AIGatewayRoute: 403") == 1


async def test_a_status_that_is_not_kept_is_not_written_again(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.faults.pruned = {"aigatewayroutes"}
    async with replica(cluster, tmp_path / "a"):
        await asyncio.to_thread(cluster.until, "Gateway", GATEWAY, "Programmed", "True", SOON)
        while cluster.get("Lease", LEASE)["spec"]["holderIdentity"] != "":  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    assert len([path for path in patches(cluster) if "/aigatewayroutes/" in path]) == 1
    assert "the API does not keep the status of AIGatewayRoute" in caplog.text


async def test_writing_goes_on_when_the_api_is_back(cluster: Cluster, tmp_path: Path) -> None:
    fake = cluster.faults
    async with replica(cluster, tmp_path / "a"):
        await until(cluster, "a", "Accepted", "True")
        await asyncio.to_thread(cluster.until, "Gateway", GATEWAY, "Programmed", "True", SOON)
        fake.readonly, asked = True, len(fake.journal)
        cluster.do(fake.create(("aigateway.envoyproxy.io", "aigatewayroutes"), "default", route("b", to("good", "c"))))
        while not [path for method, path in fake.journal[asked:] if method != "GET"]:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        fake.readonly = False
        await until(cluster, "b", "Accepted", "True")
