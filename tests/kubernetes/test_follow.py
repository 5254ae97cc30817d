"""The follower with an API that breaks in every way: nothing is lost, and what was good stays in effect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aigw_extproc.kubernetes import follow, watching
from aigw_extproc.kubernetes.client import Api
from aigw_extproc.kubernetes.follow import Follower
from aigw_extproc.kubernetes.options import Access, GatewayName, KubernetesOptions, NoCluster
from aigw_extproc.serve.contexts import background
from tests.kubernetes.documents import GATEWAY, gateway, keys_in, policy, route, secret, service, to
from tests.kubernetes.running import Cluster, running_cluster

SOON = 10.0
BASE = (gateway(), *service("good", 80), route("a", to("good", "nova")))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path) as running:
        running.apply(*BASE)
        yield running


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PAUSES", (0.02, 0.05))
    monkeypatch.setattr(watching, "ABSENT_SECONDS", 0.1)


class Following:
    """What a follower has published."""

    def __init__(self, follower: Follower, file: Path) -> None:
        self.follower = follower
        self.file = file

    def names(self, kind: str) -> list[str]:
        documents = json.loads(self.file.read_text())["documents"] if self.file.exists() else []
        return sorted(each["metadata"]["name"] for each in documents if each["kind"] == kind)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not condition():  # noqa: ASYNC110 - a file sets no event of ours
                await asyncio.sleep(0.01)

    async def until_routes(self, *names: str) -> None:
        await self.until(lambda: self.names("AIGatewayRoute") == sorted(names))


@asynccontextmanager
async def following(cluster: Cluster, folder: Path, silence: float = 30) -> AsyncIterator[Following]:
    name = GatewayName(namespace=cluster.namespace, name=GATEWAY)
    options = KubernetesOptions(gateway=name, access=Access(kubeconfig=cluster.kubeconfig))
    api = Api(options.access, silence)
    follower = Follower(options, api, folder / "gateway.json")
    try:
        async with background(follower.run()):
            yield Following(follower, folder / "gateway.json")
    finally:
        await api.close()


async def test_changes_are_followed(cluster: Cluster, tmp_path: Path) -> None:
    async with following(cluster, tmp_path) as one:
        await one.follower.until_synced()
        assert (one.names("AIGatewayRoute"), one.names("Secret")) == (["a"], ["good"])
        cluster.apply(route("b", to("good", "claude")))
        await one.until_routes("a", "b")
        cluster.delete(route("a"))
        cluster.delete(route("b"))
        await one.until_routes()
        assert one.names("Secret") == []


async def test_a_list_has_as_many_pages_as_it_needs(cluster: Cluster, tmp_path: Path) -> None:
    more = [route(f"r{number}", to("good", f"m{number}")) for number in range(7)]
    cluster.apply(*more)
    async with following(cluster, tmp_path) as one:
        await one.follower.until_synced()
        assert len(one.names("AIGatewayRoute")) == 8


@pytest.mark.parametrize("broken", ["dropped", "compacted", "away"])
async def test_what_happens_while_a_watch_is_broken_is_caught_up(cluster: Cluster, tmp_path: Path, broken: str) -> None:
    fake = cluster.faults
    async with following(cluster, tmp_path) as one:
        await one.follower.until_synced()
        fake.hung = True
        cluster.apply(route("b", to("good", "claude")))
        cluster.delete(route("a"))
        if broken == "away":
            fake.broken = True
            cluster.do(fake.drop_watches())
            asked = len(fake.journal)
            await one.until(lambda: len(fake.journal) > asked + 30)
            assert one.names("AIGatewayRoute") == ["a"]
        fake.hung = fake.broken = False
        cluster.do(fake.compact() if broken == "compacted" else fake.drop_watches())
        await one.until_routes("b")


async def test_a_watch_that_hangs_is_noticed(cluster: Cluster, tmp_path: Path) -> None:
    fake = cluster.faults
    async with following(cluster, tmp_path, silence=0.3) as one:
        await one.follower.until_synced()
        fake.hung = True
        cluster.apply(route("b", to("good", "claude")))
        await one.until(lambda: len([each for each in fake.journal if "watch=1" in each[1]]) > 30)
        fake.hung = False
        await one.until_routes("a", "b")


async def test_bookmarks_keep_a_quiet_watch_alive(cluster: Cluster, tmp_path: Path) -> None:
    fake = cluster.faults
    fake.bookmark_seconds = 0.1
    async with following(cluster, tmp_path, silence=0.5) as one:
        await one.follower.until_synced()
        asked = len(fake.journal)
        await asyncio.sleep(1.2)  # two silences: only time shows that nothing happens
        assert fake.journal[asked:] == []


async def test_a_kind_that_the_api_does_not_have_yet(cluster: Cluster, tmp_path: Path) -> None:
    fake = cluster.faults
    fake.absent = {"securitypolicies"}
    async with following(cluster, tmp_path) as one:
        await one.follower.until_synced()
        fake.absent = set()
        cluster.apply(policy("p", ("AIGatewayRoute", "a"), apiKeyAuth=keys_in("team")))
        await one.until(lambda: one.names("SecurityPolicy") == ["p"])


async def test_a_kind_that_is_gone_for_a_moment_stays_in_effect(cluster: Cluster, tmp_path: Path) -> None:
    """As when an API starts: a gateway without its policies would be open."""
    fake = cluster.faults
    cluster.apply(policy("p", ("AIGatewayRoute", "a"), apiKeyAuth=keys_in("team")), secret("team", alice="key"))
    async with following(cluster, tmp_path) as one:
        await one.follower.until_synced()
        fake.absent = {"securitypolicies"}
        cluster.do(fake.compact())
        cluster.apply(route("b", to("good", "claude")))
        await one.until_routes("a", "b")
        assert one.names("SecurityPolicy") == ["p"]


async def test_without_its_policies_nothing_is_published(cluster: Cluster, tmp_path: Path) -> None:
    fake = cluster.faults
    fake.forbidden = {"securitypolicies"}
    async with following(cluster, tmp_path) as one:
        await one.until(lambda: len([each for each in fake.journal if "securitypolicies" in each[1]]) > 3)
        assert (one.follower.synced, one.file.exists()) == (False, False)
        fake.forbidden = set()
        await one.until_routes("a")


async def test_policies_in_a_version_that_nobody_knows_are_not_passed_over(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake = cluster.faults
    fake.renamed = {"securitypolicies": ("v7",)}
    async with following(cluster, tmp_path) as one:
        await one.until(lambda: "the API has it as v7 only" in caplog.text)
        assert (one.follower.synced, one.file.exists()) == (False, False)


async def test_a_secret_that_may_not_be_read_holds_up_nothing_else(
    cluster: Cluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.faults.forbidden = {"secrets"}
    async with following(cluster, tmp_path) as one:
        await one.until_routes("a")
        assert one.names("Secret") == []
    assert "cannot read Secret default/good" in caplog.text


async def test_nothing_is_asked_while_nothing_changes(cluster: Cluster, tmp_path: Path) -> None:
    fake = cluster.faults
    async with following(cluster, tmp_path) as one:
        await one.follower.until_synced()
        cluster.apply(route("b", to("good", "claude")))
        await one.until_routes("a", "b")
        asked = len(fake.journal)
        cluster.apply(route("b", to("good", "claude")))
        await asyncio.sleep(0.5)  # only time shows that nothing happens
        assert [each for each in fake.journal[asked:] if each[0] == "GET" and "?" in each[1]] == []


def test_without_a_cluster_the_operator_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("{}")
    with pytest.raises(NoCluster, match="the Kubernetes API cannot be used: "):
        Api(Access(kubeconfig=tmp_path / "missing"))
    with pytest.raises(NoCluster, match="the Kubernetes API cannot be used: "):
        Api(Access(kubeconfig=tmp_path / "empty"))


async def test_a_full_disk_does_not_end_the_gateway(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(follow, "AGAIN_SECONDS", 0.05)
    draft = tmp_path / "gateway.new"
    draft.mkdir()
    async with following(cluster, tmp_path) as one:
        await one.until(lambda: "it is tried again" in caplog.text)
        draft.rmdir()
        await one.until_routes("a")
