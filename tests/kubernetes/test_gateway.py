"""A gateway in a cluster, as the user guide installs and changes it: the API, the processes of a pod, the simulator."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY, Settings
from tests.envoy_config.running import wait_for
from tests.gateway.resources import credentials_file
from tests.gateway.running import CHAT
from tests.kubernetes.documents import GATEWAY, gateway, guide, keys_in, needs_guide, policy, route, secret, service, to
from tests.kubernetes.pod import Pod, running_pod
from tests.kubernetes.running import Cluster, running_cluster
from tests.run.test_moves import load
from tests.simulator.running import RunningSimulator, running_simulator

NOVA = "us.amazon.nova-micro-v1:0"
ROTATED = "rotated-secret"
PROMISED = 6.0
"""Seconds within which a change takes effect; the documentation says two on a machine that is not busy."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    accounts = {DEMO_ACCESS_KEY_ID: DEMO_SECRET_ACCESS_KEY, "AWS_ACCESS_KEY_ID": "AWS_SECRET_ACCESS_KEY"}
    with running_simulator(Settings(credentials={**accounts, "KEYROTATED": ROTATED})) as running:
        yield running


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="k") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    with running_cluster(folder) as running:
        yield running


@pytest.fixture(scope="module")
def pod(cluster: Cluster, folder: Path, simulator: RunningSimulator) -> Iterator[Pod]:
    cluster.apply(gateway(), *service("bedrock", simulator.port), route("nova", to("bedrock", "nova")))
    key = {"AWS_ACCESS_KEY_ID": DEMO_ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": DEMO_SECRET_ACCESS_KEY}
    with running_pod(cluster, folder, key) as running:  # what IRSA and Pod Identity give a pod, in short
        yield running


def test_what_was_applied_is_served(pod: Pod) -> None:
    answer = pod.chat("nova")
    assert (answer.status_code, pod.processor.readiness()["ready"]) == (200, True)


@needs_guide
@pytest.mark.parametrize("name", ["aws", "aws-irsa", "aws-pod-identity"])
def test_the_guides_file_is_applied_and_serves(
    name: str, pod: Pod, cluster: Cluster, simulator: RunningSimulator
) -> None:
    documents = guide(name, simulator.port)
    cluster.apply(*documents)
    pod.until(200, NOVA)
    for document in documents:
        kind, named = document["kind"], document["metadata"]["name"]
        if kind != "Secret":
            cluster.until(kind, named, "Accepted", "True")
            cluster.until(kind, named, "Programmed" if kind == "Gateway" else "ResolvedRefs", "True")
    for document in documents:
        if document["kind"] != "Gateway":
            cluster.delete(document)
    pod.until(404, NOVA)


def test_a_changed_secret_is_used(pod: Pod, cluster: Cluster, simulator: RunningSimulator) -> None:
    cluster.apply(*service("rotating", simulator.port), route("rotating", to("rotating", "rotating")))
    pod.until(200, "rotating")
    cluster.apply(secret("rotating", credentials=credentials_file("UNKNOWN", "secret")))
    assert pod.until(401, "rotating") < PROMISED
    cluster.apply(secret("rotating", credentials=credentials_file("KEYROTATED", ROTATED)))
    assert pod.until(200, "rotating") < PROMISED


async def test_no_request_is_lost_while_a_secret_changes(pod: Pod, cluster: Cluster) -> None:
    async with load(f"{pod.envoy.url}{CHAT}") as statuses:
        for key_id, key in (("KEYROTATED", ROTATED), (DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY)):
            published, served = pod.published.stat().st_mtime_ns, statuses[200]
            cluster.apply(secret("bedrock", credentials=credentials_file(key_id, key)))
            while pod.published.stat().st_mtime_ns == published or statuses[200] < served + 200:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert set(statuses) == {200}


def test_a_wrong_policy_closes_its_target_and_no_other(pod: Pod, cluster: Cluster) -> None:
    cluster.apply(route("guarded", to("bedrock", "guarded")))
    pod.until(200, "guarded")
    wrong = policy("door", ("AIGatewayRoute", "guarded"), apiKeyAuth=keys_in("nowhere"))
    cluster.apply(wrong)
    pod.until(500, "guarded")
    answer = pod.chat("guarded")
    missing = "spec.apiKeyAuth.credentialRefs[0].name: there is no Secret 'default/nowhere'"
    missing = missing.replace("default", cluster.namespace)
    assert cluster.until("SecurityPolicy", "door", "ResolvedRefs", "False") == ("RefNotFound", missing)
    assert cluster.until("AIGatewayRoute", "guarded", "Accepted", "False")[0] == "ClosedByPolicy"
    assert (answer.json()["error"]["code"], pod.status("nova")) == ("gateway_misconfigured", 200)
    cluster.apply(secret("nowhere", alice="alices-key"))
    pod.until(401, "guarded")
    assert pod.status("guarded", **{"x-team-key": "alices-key"}) == 200
    cluster.until("AIGatewayRoute", "guarded", "Accepted", "True")
    cluster.delete(wrong)
    pod.until(200, "guarded")


def test_a_broken_route_says_why_while_others_serve(pod: Pod, cluster: Cluster) -> None:
    cluster.apply(route("broken", to("bedrock", "right"), to("zzzz", "wrong")))
    pod.until(200, "right")
    reason = f"spec.rules[1].backendRefs[0].name: there is no AIServiceBackend '{cluster.namespace}/zzzz'"
    assert cluster.until("AIGatewayRoute", "broken", "ResolvedRefs", "False") == ("RefNotFound", reason)
    assert [pod.status(model) for model in ("right", "wrong", "nova")] == [200, 500, 200]
    told = lambda: next((each for each in cluster.events() if each["involvedObject"]["name"] == "broken"), None)  # noqa: E731
    found = wait_for(told, what="the Event")
    assert (found["type"], found["reason"], found["message"]) == ("Warning", "RefNotFound", reason)


def test_the_gateway_says_that_it_serves(pod: Pod, cluster: Cluster) -> None:
    cluster.until("Gateway", GATEWAY, "Accepted", "True")
    cluster.until("Gateway", GATEWAY, "Programmed", "True")
    (listener,) = cluster.get("Gateway", GATEWAY)["status"]["listeners"]
    assert (listener["name"], listener["attachedRoutes"] > 0) == ("http", True)


def test_a_route_of_another_gateway_is_not_served(pod: Pod, cluster: Cluster) -> None:
    cluster.apply(gateway("other"), route("theirs", to("bedrock", "theirs"), gateway="other"))
    cluster.apply(route("ours", to("bedrock", "ours")))
    pod.until(200, "ours")
    assert pod.status("theirs") == 404
    assert cluster.conditions("AIGatewayRoute", "theirs") == {}


def test_without_routes_nothing_is_served(pod: Pod, cluster: Cluster) -> None:
    cluster.apply(route("nova", to("bedrock", "nova")))
    pod.until(200, "nova")
    cluster.delete(route("nova"))
    pod.until(404, "nova")
    cluster.apply(route("nova", to("bedrock", "nova")))
    pod.until(200, "nova")
