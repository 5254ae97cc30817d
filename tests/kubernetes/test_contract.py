"""What our client relies on in the API: true of the fake one, and of a real one where AIGW_KUBE_APISERVER names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kubernetes.documents import gateway, route, secret, to
from tests.kubernetes.fake_api import Value
from tests.kubernetes.running import Cluster, running_cluster

ROUTE = route("a", to("good", "nova"))
MERGE = {"content-type": "application/merge-patch+json"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path) as running:
        yield running


def status_of(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["kind"], body["reason"]


def watch(cluster: Cluster, document: Value, since: str, count: int, **query: Any) -> list[tuple[str, Value]]:
    """The first events of a watch."""
    parameters = {"watch": "1", "resourceVersion": since, "timeoutSeconds": "5", **query}
    found: list[tuple[str, Value]] = []
    with cluster.client.stream("GET", cluster.path(document), params=parameters) as response:
        for line in response.iter_lines():
            event = json.loads(line)
            found.append((event["type"], event["object"]))
            if len(found) == count:
                break
    return found


def test_a_resource_has_a_version_that_every_change_raises(cluster: Cluster) -> None:
    cluster.apply(ROUTE)
    first = cluster.get("AIGatewayRoute", "a")
    cluster.apply(ROUTE)
    assert cluster.get("AIGatewayRoute", "a")["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    cluster.apply(route("a", to("good", "claude")))
    changed = cluster.get("AIGatewayRoute", "a")["metadata"]
    assert changed["resourceVersion"] != first["metadata"]["resourceVersion"]
    assert (first["metadata"]["generation"], changed["generation"]) == (1, 2)
    assert changed["uid"] == first["metadata"]["uid"]


def test_a_change_from_an_old_version_is_a_conflict(cluster: Cluster) -> None:
    cluster.apply(ROUTE)
    old = cluster.get("AIGatewayRoute", "a")
    cluster.apply(route("a", to("good", "claude")))
    path = f"{cluster.path(ROUTE)}/a"
    assert status_of(cluster.client.put(path, json=old)) == (409, "Status", "Conflict")
    patch = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "status": {}}
    refused = cluster.client.patch(f"{path}/status", json=patch, headers=MERGE)
    assert status_of(refused) == (409, "Status", "Conflict")


def test_a_status_is_apart_from_the_rest(cluster: Cluster) -> None:
    cluster.apply({**ROUTE, "status": {"conditions": []}})
    before = cluster.get("AIGatewayRoute", "a")
    assert "status" not in before
    condition = {
        "type": "Accepted",
        "status": "True",
        "reason": "Accepted",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    patch = {"status": {"conditions": [condition]}, "spec": {"rules": []}}
    cluster.client.patch(f"{cluster.path(ROUTE)}/a/status", json=patch, headers=MERGE).raise_for_status()
    after = cluster.get("AIGatewayRoute", "a")
    assert (after["spec"], after["status"]["conditions"]) == (before["spec"], [condition])
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    cluster.apply(route("a", to("good", "claude")))
    assert cluster.get("AIGatewayRoute", "a")["status"]["conditions"] == [condition]


def test_a_list_has_pages_and_items_without_their_kind(cluster: Cluster) -> None:
    cluster.apply(*(route(f"r{number}", to("good", "nova")) for number in range(3)))
    path = cluster.path(ROUTE)
    first = cluster.client.get(path, params={"limit": "2"}).json()
    rest = cluster.client.get(path, params={"limit": "2", "continue": first["metadata"]["continue"]}).json()
    assert [item["metadata"]["name"] for item in first["items"] + rest["items"]] == ["r0", "r1", "r2"]
    assert "continue" not in rest["metadata"]


def test_a_watch_has_what_came_after_a_version(cluster: Cluster) -> None:
    cluster.apply(ROUTE)
    since = cluster.client.get(cluster.path(ROUTE)).json()["metadata"]["resourceVersion"]
    cluster.apply(route("a", to("good", "claude")), route("b", to("good", "nova")))
    cluster.delete(route("a"))
    events = watch(cluster, ROUTE, since, 3)
    assert [(kind, value["metadata"]["name"], value["kind"]) for kind, value in events] == [
        ("MODIFIED", "a", "AIGatewayRoute"),
        ("ADDED", "b", "AIGatewayRoute"),
        ("DELETED", "a", "AIGatewayRoute"),
    ]
    assert watch(cluster, ROUTE, events[1][1]["metadata"]["resourceVersion"], 1)[0][0] == "DELETED"


def test_a_watch_of_one_name_has_no_others(cluster: Cluster) -> None:
    cluster.apply(secret("a", key="one"))
    since = cluster.client.get(cluster.path(secret("a"))).json()["metadata"]["resourceVersion"]
    cluster.apply(secret("b", key="two"), secret("a", key="three"))
    events = watch(cluster, secret("a"), since, 1, fieldSelector="metadata.name=a")
    assert [(kind, value["data"]) for kind, value in events] == [("MODIFIED", {"key": "dGhyZWU="})]


def test_a_watch_from_a_version_that_is_forgotten_is_told_so(cluster: Cluster) -> None:
    cluster.apply(ROUTE)
    since = cluster.get("AIGatewayRoute", "a")["metadata"]["resourceVersion"]
    cluster.do(cluster.faults.compact())
    ((kind, value),) = watch(cluster, ROUTE, since, 1)
    assert (kind, value["kind"], value["code"]) == ("ERROR", "Status", 410)


def test_what_does_not_exist_is_not_found(cluster: Cluster) -> None:
    path = cluster.path(ROUTE)
    assert status_of(cluster.client.get(f"{path}/nothing")) == (404, "Status", "NotFound")
    assert cluster.client.get(path.replace("v1beta1", "v9")).status_code == 404
    assert status_of(cluster.client.post(path, json={**ROUTE, "kind": "Gateway"}))[0] == 400


def test_what_exists_is_not_created_again(cluster: Cluster) -> None:
    cluster.apply(gateway())
    again = {**gateway(), "metadata": {"name": gateway()["metadata"]["name"], "namespace": cluster.namespace}}
    assert status_of(cluster.client.post(cluster.path(gateway()), json=again)) == (409, "Status", "AlreadyExists")
