"""A pod of mode `gateway` beside an API: it serves what is applied, and asks only for what its Roles allow."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.docs.test_running import free_ports
from tests.envoy_config.running import wait_for
from tests.gateway.running import CHAT, question
from tests.helm.pods import Manifest
from tests.helm.test_rollout import Pod, pod_of
from tests.helm.tools import Helm
from tests.kubernetes.documents import GATEWAY, gateway, route, service, to
from tests.kubernetes.fake_api import AI_GATEWAY, GATEWAY_API, FakeApi
from tests.kubernetes.running import Cluster, running_cluster
from tests.simulator.running import running_simulator

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
PATH = re.compile(
    r"/apis?(?:/(?P<group>[^/]+\.[^/]+))?/v[^/]+/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<part>[^/]+))?"
)


SERVICE: dict[str, Any] = {
    "metadata": {"name": "aigw-aigw-extproc"},
    "spec": {"type": "ClusterIP", "clusterIPs": ["10.0.0.7"]},
}
"""The one of the chart, in the release's namespace."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with (
        tempfile.TemporaryDirectory(prefix="k") as folder,
        running_simulator() as simulator,
        running_cluster(Path(folder), FakeApi()) as running,
    ):
        running.apply(gateway(), *service("bedrock", simulator.port), route("nova", to("bedrock", "nova")))
        running.do(running.faults.create(("", "services"), "models", SERVICE))
        running.faults.journal.clear()
        yield running


@pytest.fixture(scope="module")
def manifests(helm4: Helm, cluster: Cluster) -> list[Manifest]:
    ports = free_ports(3)
    return helm4.manifests(
        {
            "mode": "gateway",
            "gateway": {"name": GATEWAY, "namespace": cluster.namespace, "secrets": ["bedrock"]},
            "envoy": {"port": ports[0], "adminPort": ports[1], "concurrency": 1},
            "adminPort": ports[2],
        }
    )


@pytest.fixture(scope="module")
def pod(manifests: list[Manifest], cluster: Cluster) -> Iterator[Pod]:
    (port,) = (
        port["containerPort"]
        for each in manifests
        if each["kind"] == "Deployment"
        for container in each["spec"]["template"]["spec"]["containers"]
        for port in container["ports"]
    )
    with pod_of(manifests, port, KUBECONFIG=str(cluster.kubeconfig)) as running:
        yield running


def status(pod: Pod, model: str) -> int:
    return httpx.post(f"http://127.0.0.1:{pod.port}{CHAT}", json=question(model), timeout=30).status_code


def test_it_serves_what_is_applied(pod: Pod, cluster: Cluster) -> None:
    assert (status(pod, "nova"), status(pod, "more")) == (200, 404)
    more = route("more", to("bedrock", "more"))
    cluster.do(cluster.faults.create((AI_GATEWAY, "aigatewayroutes"), cluster.namespace, more))
    wait_for(lambda: status(pod, "more") == 200 or None, what="one more model", seconds=20)


def test_it_writes_the_status(pod: Pod, cluster: Cluster) -> None:
    def accepted() -> bool | None:
        found = cluster.faults.find((AI_GATEWAY, "aigatewayroutes"), cluster.namespace, "nova")
        conditions = {each["type"]: each["status"] for each in found.get("status", {}).get("conditions", ())}
        return True if conditions == {"Accepted": "True", "ResolvedRefs": "True"} else None

    wait_for(accepted, what="the conditions", seconds=20)


def test_the_gateway_has_the_addresses_of_the_service(pod: Pod, cluster: Cluster) -> None:
    def addresses() -> Any:
        found = cluster.faults.find((GATEWAY_API, "gateways"), cluster.namespace, GATEWAY)
        return found.get("status", {}).get("addresses")

    assert wait_for(addresses, what="the addresses", seconds=20) == [{"type": "IPAddress", "value": "10.0.0.7"}]


def test_its_roles_allow_all_that_it_asks_for_and_nothing_else(
    pod: Pod, cluster: Cluster, manifests: list[Manifest]
) -> None:
    test_it_writes_the_status(pod, cluster)
    asked = [_access(*request) for request in cluster.faults.journal]
    granted = [
        (each["metadata"].get("namespace", "models"), rule)
        for each in manifests
        if each["kind"] == "Role"
        for rule in each["rules"]
    ]
    assert [access for access in asked if not any(_allows(*grant, access) for grant in granted)] == []
    unused = [
        rule["resources"]
        for namespace, rule in granted
        if not any(_allows(namespace, rule, access) for access in asked)
    ]
    # Nothing was rejected, no policy was applied, and no backend is a Service.
    assert [name for names in unused for name in names if name not in {"events", "services"}] == []


def _access(method: str, target: str) -> dict[str, str | None]:
    """Return the attributes by which the API decides about a request."""
    url = urlsplit(target)
    match = PATH.fullmatch(url.path)
    assert match, target
    query = parse_qs(url.query)
    selected = query.get("fieldSelector", [""])[0].removeprefix("metadata.name=") or None
    reading = "watch" if "watch" in query else "get" if match["name"] else "list"
    return {
        "verb": VERBS.get(method, reading),
        "group": match["group"] or "",
        "namespace": match["namespace"],
        "resource": "/".join(filter(None, (match["plural"], match["part"]))),
        "name": match["name"] or selected,
    }


def _allows(namespace: str, rule: dict[str, Any], access: dict[str, str | None]) -> bool:
    """https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources"""
    return (
        namespace == access["namespace"]
        and access["group"] in rule["apiGroups"]
        and access["resource"] in rule["resources"]
        and access["verb"] in rule["verbs"]
        and ("resourceNames" not in rule or access["name"] in rule["resourceNames"])
    )
