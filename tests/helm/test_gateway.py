"""Mode `gateway`: what its pods run, and what they may read of the Kubernetes API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc.config.resources.kinds import KINDS
from tests.envoy_config.running import served
from tests.helm.cases import GATEWAY, Values
from tests.helm.pods import Manifest, containers, one
from tests.helm.tools import CHART, Helm

BARE: Values = {"mode": "gateway", "gateway": {"name": "envoy-ai-gateway-basic"}}
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture(scope="module")
def manifests(helm4: Helm) -> list[Manifest]:
    return helm4.manifests(GATEWAY)


def pod(manifests: list[Manifest]) -> Manifest:
    spec: Manifest = one(manifests, "Deployment")["spec"]["template"]
    return spec


def test_the_processor_reads_the_api_and_starts_first(manifests: list[Manifest]) -> None:
    parts = containers(pod(manifests)["spec"])
    assert list(parts) == ["extproc", "envoy-config", "envoy"]
    assert parts["extproc"]["args"][:6] == [
        *(
            "serve",
            "--kubernetes",
            "--gateway=default/envoy-ai-gateway-basic",
            "--gateway-class=envoy-ai-gateway-basic",
        ),
        *("--namespaces=team-a,team-b", "--gateway-service=models/aigw-aigw-extproc"),
    ]
    assert "--publish=/run/published" in parts["extproc"]["args"]
    assert parts["envoy-config"]["args"][0] == "--published=/run/published/gateway.json"


def test_the_gateway_is_in_the_releases_namespace_by_default(helm4: Helm) -> None:
    arguments = containers(pod(helm4.manifests(BARE))["spec"])["extproc"]["args"]
    assert {"--gateway=models/envoy-ai-gateway-basic", "--gateway-service=models/aigw-aigw-extproc"} <= {*arguments}


def test_pods_are_found_by_the_gateways_name(manifests: list[Manifest]) -> None:
    """`kubectl wait pods -l gateway.envoyproxy.io/owning-gateway-name=NAME`"""
    labels = pod(manifests)["metadata"]["labels"]
    assert labels["gateway.envoyproxy.io/owning-gateway-name"] == "envoy-ai-gateway-basic"
    assert labels["gateway.envoyproxy.io/owning-gateway-namespace"] == "default"
    selector = one(manifests, "Deployment")["spec"]["selector"]["matchLabels"]
    assert [name for name in selector if "gateway.envoyproxy.io" in name] == []


def test_only_the_processor_has_the_token(manifests: list[Manifest]) -> None:
    spec = pod(manifests)["spec"]
    assert spec["automountServiceAccountToken"] is False
    with_token = [
        name
        for name, container in containers(spec).items()
        if any(mount["mountPath"] == TOKEN for mount in container["volumeMounts"])
    ]
    assert with_token == ["extproc"]


def test_what_is_published_is_for_the_processor_and_envoy_config(manifests: list[Manifest]) -> None:
    """It has the Secrets in it."""
    mounts = {
        name: [mount.get("readOnly", False) for mount in container["volumeMounts"] if mount["name"] == "published"]
        for name, container in containers(pod(manifests)["spec"]).items()
    }
    assert mounts == {"extproc": [False], "envoy-config": [True], "envoy": []}


@pytest.mark.parametrize("mode", ["sidecar", "service"])
def test_other_modes_have_no_access_to_the_api(helm4: Helm, mode: str) -> None:
    peers = {"clients": [{"podSelector": {}}]}
    other = helm4.manifests({"mode": mode, "networkPolicy": peers})
    assert {each["kind"] for each in other} & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} == set()
    assert "serviceAccountToken" not in str(other)


def test_there_is_a_role_in_each_namespace_and_nothing_cluster_wide(manifests: list[Manifest]) -> None:
    assert [each["kind"] for each in manifests if each["kind"].startswith("Cluster")] == []
    for kind in ("Role", "RoleBinding"):
        found = [each["metadata"].get("namespace", "models") for each in manifests if each["kind"] == kind]
        assert sorted(found) == ["default", "models", "team-a", "team-b"]
    for binding in (each for each in manifests if each["kind"] == "RoleBinding"):
        assert binding["roleRef"]["name"] == binding["metadata"]["name"]
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": "ai-gateway-dataplane-aws", "namespace": "models"}
        ]


def rules(manifests: list[Manifest], namespace: str) -> list[dict[str, Any]]:
    roles = [each for each in manifests if each["kind"] == "Role"]
    (role,) = (each for each in roles if each["metadata"].get("namespace", "models") == namespace)
    found: list[dict[str, Any]] = role["rules"]
    return found


def readable(manifests: list[Manifest], namespace: str, resource: str) -> list[str] | None:
    """Return the names that may be read; an empty list for all, None for none."""
    for rule in rules(manifests, namespace):
        if resource in rule["resources"]:
            assert rule["verbs"] == ["list", "watch"]
            return rule.get("resourceNames", [])
    return None


def test_secrets_are_readable_by_name_only(manifests: list[Manifest]) -> None:
    by_namespace = {name: readable(manifests, name, "secrets") for name in ("default", "team-a", "team-b")}
    assert by_namespace == {"default": ["aws-access-key"], "team-a": ["other-account"], "team-b": None}
    assert readable(manifests, "team-b", "configmaps") == ["authorities"]
    assert readable(manifests, "default", "configmaps") is None


def test_of_the_releases_namespace_only_its_service_is_read(manifests: list[Manifest]) -> None:
    assert rules(manifests, "models") == [
        {
            "apiGroups": [""],
            "resources": ["services"],
            "resourceNames": ["aigw-aigw-extproc"],
            "verbs": ["list", "watch"],
        }
    ]


def test_every_kind_that_is_decoded_can_be_read_and_has_a_status(manifests: list[Manifest]) -> None:
    plurals = {
        f"{kind.lower().removesuffix('y')}{'ies' if kind.endswith('cy') else 'y' * kind.endswith('y') + 's'}"
        for group, kind in KINDS
        if group
    }
    allowed = rules(manifests, "team-a")
    reading = {name for rule in allowed if rule["verbs"] == ["list", "watch"] for name in rule["resources"]}
    assert reading == {*plurals, "referencegrants", "services", "secrets"}
    writing = {name for rule in allowed if rule["verbs"] in (["patch"], ["create"]) for name in rule["resources"]}
    assert writing == {*(f"{name}/status" for name in plurals), "events"}


def test_one_pod_writes_by_a_lease_in_the_gateways_namespace(manifests: list[Manifest]) -> None:
    leases = [rule for rule in rules(manifests, "default") if rule["resources"] == ["leases"]]
    assert [(rule["verbs"], rule.get("resourceNames")) for rule in leases] == [
        (["create"], None),
        (["get", "update"], ["aigw-extproc-envoy-ai-gateway-basic"]),
    ]
    assert [rule for rule in rules(manifests, "team-a") if rule["resources"] == ["leases"]] == []


def test_roles_of_two_releases_have_different_names(helm4: Helm, manifests: list[Manifest]) -> None:
    names = {each["metadata"]["name"] for each in manifests if each["kind"] == "Role"}
    assert names == {"aigw-aigw-extproc-of-models", "aigw-aigw-extproc"}
    own = one(helm4.manifests(BARE), "Role")["metadata"]
    assert (own["name"], own["namespace"]) == ("aigw-aigw-extproc", "models")


def test_there_are_no_resources_of_the_chart(manifests: list[Manifest]) -> None:
    assert [each["metadata"]["name"] for each in manifests if each["kind"] in {"ConfigMap", "Secret"}] == []


@pytest.mark.parametrize(
    ("message", "values"),
    [
        ("gateway.name: mode gateway needs the name of the Gateway", {"gateway": {"name": ""}}),
        ("mode gateway: the resources are those of the Kubernetes API", {"config": {"existingConfigMap": "a"}}),
        ("mode gateway: the resources are those of the Kubernetes API", {"apiKeys": {"existingSecret": "a"}}),
        ("mode gateway: the resources are those of the Kubernetes API", {"upgradeCheck": {"enabled": True}}),
        ("name them in gateway.secrets", {"credentials": {"method": "secret", "existingSecret": "a"}}),
        ("name them in gateway.secrets", {"credentials": {"extraSecrets": ["a"]}}),
        ("gateway.name: only valid with mode gateway, not sidecar", {"mode": "sidecar"}),
    ],
)
def test_values_of_other_modes_are_refused(helm4: Helm, message: str, values: Values) -> None:
    assert message in helm4.refusal({**BARE, **values})


def test_sidecar_and_gateway_have_the_same_service(helm4: Helm) -> None:
    services = [one(helm4.manifests(values), "Service")["spec"] for values in ({}, BARE)]
    assert services[0] == services[1]


HELD = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "GatewayClass",
    "metadata": {"name": "envoy-ai-gateway-basic"},
    "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
    "status": {"conditions": [{"type": "Accepted", "status": "True"}]},
}
CLASSES = {"name": "gatewayclasses", "singularName": "gatewayclass", "kind": "GatewayClass", "namespaced": False}
V1 = {"groupVersion": "gateway.networking.k8s.io/v1", "version": "v1"}
ANSWERS: dict[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [{"name": "gateway.networking.k8s.io", "versions": [V1], "preferredVersion": V1}],
    },
    "/apis/gateway.networking.k8s.io/v1": {
        "kind": "APIResourceList",
        "groupVersion": "gateway.networking.k8s.io/v1",
        "resources": [{**CLASSES, "verbs": ["get", "list"]}],
    },
    "/apis/gateway.networking.k8s.io/v1/gatewayclasses/envoy-ai-gateway-basic": HELD,
}


class Handler(BaseHTTPRequestHandler):
    """An API with nothing but a GatewayClass."""

    def do_GET(self) -> None:
        answer = ANSWERS.get(self.path.partition("?")[0])
        body = json.dumps(answer or {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}).encode()
        self.send_response(200 if answer else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    config = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "here",
    }
    file = tmp_path_factory.mktemp("kubeconfig") / "config"
    file.write_text(json.dumps(config))
    with served(server):
        yield file


@pytest.mark.parametrize("adopt", [False, True])
def test_a_class_that_another_controller_holds_is_refused_until_it_is_adopted(
    helm: Helm, kubeconfig: Path, adopt: bool
) -> None:
    values = {**GATEWAY, "gateway": {**GATEWAY["gateway"], "adoptClass": adopt}}
    command = ("template", "aigw", str(CHART), "--dry-run=server", "--disable-openapi-validation")
    done = helm.run(*command, "--kubeconfig", str(kubeconfig), values=values)
    refusal = (
        "gateway.className: gateway.envoyproxy.io/gatewayclass-controller has accepted the GatewayClass"
        " envoy-ai-gateway-basic, and would serve its Gateways too; remove that controller, then set gateway.adoptClass"
    )
    # Helm 4 also asks this API, which has no other kinds, about what was rendered.
    assert (refusal in done.stderr, "Deployment" in done.stdout + done.stderr) == (not adopt, adopt), done.stderr
