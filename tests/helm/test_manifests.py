"""The chart's manifests are valid, restricted, without secrets, and as reviewed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.cases import CASES, DIGEST, FRONT, MORE, OPENSHIFT, OPTIONS, PEER, ROLE, RULE, SECRET_KEY
from tests.helm.goldens import GOLDEN
from tests.helm.pods import Manifest, containers, content, one, pod_specs
from tests.helm.tools import CHART, Helm

VALIDATE = """
import sys, yaml, kubernetes_validate
CUSTOM = ("HTTPRoute", "PrometheusRule", "ServiceMonitor")
for path in sys.argv[2:]:
    for number, one in enumerate(yaml.safe_load_all(open(path))):
        try:
            if one and one["kind"] not in CUSTOM:
                kubernetes_validate.validate(one, sys.argv[1], strict=True)
        except Exception as error:
            print(path, one["kind"], getattr(error, "message", error))
"""


@pytest.fixture(scope="module")
def rendered(helm4: Helm) -> dict[str, list[Manifest]]:
    return {name: helm4.manifests(values) for name, values in CASES.items()}


def pods(rendered: dict[str, list[Manifest]]) -> Iterator[Manifest]:
    for manifests in rendered.values():
        yield from pod_specs(manifests)


def test_lint_reports_nothing(helm: Helm) -> None:
    for name in ("sidecar-file-full", "service-irsa-full", "sidecar-more-full", "gateway-more"):
        done = helm.run("lint", "--strict", str(CHART), values=CASES[name])
        assert (done.returncode, done.stderr) == (0, "")
        assert re.findall(r"(?:WARNING|ERROR).*", done.stdout) == []


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_manifests_match_kubernetes_schemas(
    rendered: dict[str, list[Manifest]], schemas: Path, version: str, tmp_path: Path
) -> None:
    files = [tmp_path / f"{name}.yaml" for name in rendered]
    for file, manifests in zip(files, rendered.values(), strict=True):
        file.write_text(yaml.safe_dump_all(manifests))
    command = [sys.executable, "-c", VALIDATE, version, *map(str, files)]
    environment = {**os.environ, "PYTHONPATH": str(schemas)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_both_helms_render_the_same(helm: Helm, rendered: dict[str, list[Manifest]]) -> None:
    key = lambda one: (one["kind"], one["metadata"]["name"])  # noqa: E731 - a name for the order
    for name in ("sidecar-file-full", "sidecar-more-full", "service-more-full", "gateway-more"):
        assert sorted(helm.manifests(CASES[name]), key=key) == sorted(rendered[name], key=key)


def test_the_default_is_as_reviewed(helm4: Helm) -> None:
    assert helm4.text() == GOLDEN.read_text()


def test_pods_follow_the_restricted_profile(rendered: dict[str, list[Manifest]]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and stricter."""
    expected = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for spec in pods(rendered):
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"].items() >= {"runAsNonRoot": True}.items()
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        for volume in spec.get("volumes", []):
            assert volume.keys() - {"name"} <= {"configMap", "secret", "emptyDir", "projected"}
        for container in containers(spec).values():
            context = dict(container["securityContext"])
            assert context.pop("privileged", False) is False
            users = context.pop("runAsUser"), context.pop("runAsGroup")
            assert users in {(65532, 65532), (101, 101)}
            assert context == expected
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_secrets_are_in_secrets_only(rendered: dict[str, list[Manifest]]) -> None:
    holding = {
        (manifest["kind"], name)
        for name, manifests in rendered.items()
        for manifest in manifests
        if SECRET_KEY in json.dumps(manifest)
    }
    files = [name for name in CASES if "-file-" in name]
    assert holding == {("Secret", name) for name in files}


def test_envoy_does_not_read_the_secret(rendered: dict[str, list[Manifest]]) -> None:
    for spec in pods(rendered):
        readers = [
            name
            for name, container in containers(spec).items()
            if any("/etc/aigw/secrets" in mounted["mountPath"] for mounted in container.get("volumeMounts", []))
        ]
        assert readers in ([], ["processor"], ["envoy-config", "processor"], ["check"])


@pytest.mark.parametrize("mode", ["sidecar", "service"])
def test_irsa_annotates_the_service_account(rendered: dict[str, list[Manifest]], mode: str) -> None:
    account = one(rendered[f"{mode}-irsa-full"], "ServiceAccount")
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": ROLE, "team": "search"}


def test_the_longest_names_are_short_enough(helm4: Helm) -> None:
    values = {**OPTIONS, "nameOverride": "n" * 63}
    for manifest in helm4.manifests(values, release="r" * 53):
        assert len(manifest["metadata"]["name"]) <= 63
        assert [value for value in _labels(manifest) if len(value) > 63] == []


def _labels(manifest: Any) -> Iterator[str]:
    if isinstance(manifest, dict):
        for key, value in manifest.items():
            yield from value.values() if key in {"labels", "matchLabels"} else _labels(value)
    elif isinstance(manifest, list):
        for value in manifest:
            yield from _labels(value)


def test_services_select_the_gateway_but_not_its_tests(rendered: dict[str, list[Manifest]]) -> None:
    for manifests in rendered.values():
        labels = one(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
        test = one(manifests, "Pod")["metadata"]["labels"].items()
        for service in (each for each in manifests if each["kind"] == "Service"):
            selector = service["spec"]["selector"].items()
            assert (selector <= labels, selector <= test) == (True, False)


def test_the_service_monitor_selects_only_its_service(rendered: dict[str, list[Manifest]]) -> None:
    """A custom resource, so there is no schema to validate it."""
    manifests = rendered["sidecar-irsa-full"]
    monitor = one(manifests, "ServiceMonitor")
    selector = monitor["spec"]["selector"]["matchLabels"].items()
    (service,) = (
        each for each in manifests if each["kind"] == "Service" and selector <= each["metadata"]["labels"].items()
    )
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"].keys() == {"selector", "endpoints"}
    assert monitor["spec"]["endpoints"] == [{"port": "admin", "path": "/metrics", "interval": "30s"}]
    assert [port["name"] for port in service["spec"]["ports"]] == ["admin"]


def test_the_grace_period_is_longer_than_the_drain(rendered: dict[str, list[Manifest]]) -> None:
    spec = one(rendered["sidecar-irsa-full"], "Deployment")["spec"]["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] > 20 + 300
    assert [each["restartPolicy"] for each in spec["initContainers"]] == ["Always", "Always"]
    assert list(containers(spec)) == ["envoy-config", "processor", "envoy"]


def test_the_processor_is_never_exposed_outside_the_cluster(rendered: dict[str, list[Manifest]]) -> None:
    service = one(rendered["service-irsa-full"], "Service", "-processor")
    assert service["spec"]["type"] == "ClusterIP"
    assert [(port["port"], port["appProtocol"]) for port in service["spec"]["ports"]] == [(1063, "kubernetes.io/h2c")]


def test_egress_is_limited_to_what_is_needed(rendered: dict[str, list[Manifest]]) -> None:
    for name, manifests in rendered.items():
        policies = [each for each in manifests if each["kind"] == "NetworkPolicy"]
        ports = [rule["ports"][0]["port"] for policy in policies for rule in policy["spec"]["egress"]]
        credentials = CASES[name].get("credentials", {"method": "podIdentity"})
        api = [6443] if name.startswith("gateway") else []
        agent = [80] if credentials["method"] == "podIdentity" else []
        extra = [8091] if "networkPolicy" in CASES[name] and "extraEgress" in CASES[name]["networkPolicy"] else []
        policy = extra or api or name.startswith("service")
        assert ports == ([53, 443, *api, *agent, *extra] if policy else [])


def test_only_clients_that_the_values_name_may_connect_to_a_processor(rendered: dict[str, list[Manifest]]) -> None:
    for name in (name for name in rendered if name.startswith("service") and name != "service-tls"):
        (rule, *_) = one(rendered[name], "NetworkPolicy", "aigw-extproc")["spec"]["ingress"]
        assert rule["from"][0] == PEER[0]


def test_a_processor_with_tls_wants_certificates(rendered: dict[str, list[Manifest]]) -> None:
    (spec, *_) = pod_specs(rendered["service-tls"])
    assert [argument for argument in containers(spec)["processor"]["args"] if argument.startswith("--tls")] == [
        *("--tls-cert=/etc/aigw/tls/tls.crt", "--tls-key=/etc/aigw/tls/tls.key"),
        "--tls-client-ca=/etc/aigw/tls/ca.crt",
    ]
    assert {"name": "tls", "secret": {"secretName": "processor-tls", "defaultMode": 0o440}} in spec["volumes"]


def test_the_dashboard_is_complete(rendered: dict[str, list[Manifest]]) -> None:
    config_map = one(rendered["sidecar-irsa-full"], "ConfigMap", "dashboard")
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    dashboard = json.loads(config_map["data"]["aigw-extproc.json"])
    assert dashboard == json.loads((CHART / "dashboards" / "aigw-extproc.json").read_text())


def test_definitions_are_installed_only_if_values_say_so(rendered: dict[str, list[Manifest]], helm4: Helm) -> None:
    def groups(manifests: list[Manifest]) -> set[str]:
        return {each["spec"]["group"] for each in manifests if each["kind"] == "CustomResourceDefinition"}

    assert groups(rendered["sidecar-file-bare"]) == set()
    assert len(groups(rendered["crds"])) == 3
    only = {"crds": {"install": True, "groups": ["aigateway.envoyproxy.io"]}}
    assert groups(helm4.manifests(only)) == {"aigateway.envoyproxy.io"}


def test_images_come_from_the_global_registry_or_their_own(rendered: dict[str, list[Manifest]]) -> None:
    (spec, _, test) = pod_specs(rendered["sidecar-more-full"])
    assert {name: container["image"] for name, container in containers(spec).items()} == {
        "wait": "registry.example/helper:1",
        "envoy-config": f"mirror.example:5000/hub/aigw-extproc-envoy-config@{DIGEST}",
        "processor": f"registry.example/aigw-extproc@{DIGEST}",
        "envoy": "mirror.example:5000/hub/envoyproxy/envoy:v1.40.0",
        "agent": "registry.example/helper:1",
    }
    assert containers(test)["request"]["image"] == f"registry.example/aigw-extproc@{DIGEST}"


def test_common_labels_are_everywhere_but_in_selectors(rendered: dict[str, list[Manifest]]) -> None:
    for manifest in rendered["sidecar-more-full"]:
        if manifest["metadata"]["name"] not in ("aigw-more", "as-text"):
            assert manifest["metadata"]["labels"].items() >= {"cost-center": "42", "team": "platform"}.items()
    deployment = one(rendered["sidecar-more-full"], "Deployment")["spec"]
    assert deployment["template"]["metadata"]["labels"].items() >= {"cost-center": "42", "team": "search"}.items()
    assert "cost-center" not in deployment["selector"]["matchLabels"]


@pytest.mark.parametrize("mode", ["sidecar", "service"])
def test_pods_have_what_values_add(rendered: dict[str, list[Manifest]], mode: str) -> None:
    deployment = one(rendered[f"{mode}-more-full"], "Deployment")["spec"]
    spec = deployment["template"]["spec"]
    own = {"sidecar": ["envoy-config", "processor", "envoy"], "service": ["processor"]}[mode]
    assert list(containers(spec)) == ["wait", *own, "agent"]
    assert deployment["strategy"] == {"type": "Recreate"}
    assert spec["securityContext"]["fsGroup"] == 2000
    assert (spec["dnsPolicy"], spec["dnsConfig"]) == ("None", MORE["dnsConfig"])
    assert spec["runtimeClassName"] == "gvisor"
    processor = containers(spec)["processor"]
    assert "--ready-needs-credentials" in processor["args"]
    paths = [processor[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "readiness")]
    assert paths == ["/healthz", "/readyz"]
    assert processor["envFrom"] == [{"configMapRef": {"name": "proxy"}}]
    assert processor["livenessProbe"] == {
        "httpGet": {"path": "/healthz", "port": "admin"},
        "initialDelaySeconds": 5,
        "periodSeconds": 10,
        "timeoutSeconds": 5,
        "failureThreshold": 3,
    }
    if mode == "sidecar":
        assert containers(spec)["envoy"]["readinessProbe"]["periodSeconds"] == 2
        assert containers(spec)["envoy-config"]["startupProbe"]["failureThreshold"] == 90


def test_objects_of_values_are_rendered(rendered: dict[str, list[Manifest]]) -> None:
    assert one(rendered["sidecar-more-full"], "ConfigMap", "aigw-more")["data"] == {"a": "b"}
    assert one(rendered["sidecar-more-full"], "ConfigMap", "as-text")["data"] == {"mode": "sidecar"}


def test_the_service_has_the_fields_of_its_values(rendered: dict[str, list[Manifest]]) -> None:
    spec = one(rendered["sidecar-more-full"], "Service", "aigw-extproc")["spec"]
    fields = {name: value for name, value in MORE["service"].items() if name != "nodePort"}
    assert {name: spec.get(name) for name in fields} == fields
    assert [port.get("nodePort") for port in spec["ports"]] == [30080]
    families = {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}
    service = one(rendered["service-more-full"], "Service", "-processor")["spec"]
    assert {name: value for name, value in service.items() if name in fields} == {"type": "ClusterIP", **families}


def test_the_ingress_leads_to_the_service(rendered: dict[str, list[Manifest]]) -> None:
    spec = one(rendered["sidecar-more-full"], "Ingress")["spec"]
    assert (spec["ingressClassName"], spec["tls"]) == ("nginx", FRONT["ingress"]["tls"])
    paths = [(rule.get("host"), path) for rule in spec["rules"] for path in rule["http"]["paths"]]
    assert [(host, path["path"], path["pathType"]) for host, path in paths] == [
        ("models.example", "/", "Prefix"),
        ("api.example", "/v1", "Prefix"),
        ("api.example", "/", "Exact"),
        (None, "/bedrock", "Prefix"),
    ]
    service = {"name": "aigw-aigw-extproc", "port": {"name": "http"}}
    assert all(path["backend"] == {"service": service} for _, path in paths)


def test_the_httproute_leads_to_the_service_without_a_time_limit(rendered: dict[str, list[Manifest]]) -> None:
    """A custom resource, so there is no schema to validate it."""
    spec = one(rendered["sidecar-more-full"], "HTTPRoute")["spec"]
    assert spec == {
        "parentRefs": FRONT["httpRoute"]["parentRefs"],
        "hostnames": ["models.example"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "filters": FRONT["httpRoute"]["filters"],
                "backendRefs": [{"name": "aigw-aigw-extproc", "port": 80}],
                "timeouts": {"request": "0s", "backendRequest": "0s"},
            }
        ],
    }


def test_the_prometheus_operator_gets_rules_and_relabelings(rendered: dict[str, list[Manifest]]) -> None:
    rule = one(rendered["sidecar-more-full"], "PrometheusRule")
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    assert {"name": "a", "rules": [RULE]} in rule["spec"]["groups"]
    (endpoint,) = one(rendered["sidecar-more-full"], "ServiceMonitor")["spec"]["endpoints"]
    wanted = {name: value for name, value in MORE["serviceMonitor"].items() if name != "enabled"}
    assert endpoint == {"port": "admin", "path": "/metrics", "interval": "30s", **wanted}


def test_rules_of_the_chart_come_before_those_of_values(helm4: Helm, tmp_path: Path) -> None:
    chart = shutil.copytree(CHART, tmp_path / "chart")
    (chart / "rules").mkdir(exist_ok=True)
    (chart / "rules" / "first.yaml").write_text(json.dumps({"groups": [{"name": "first", "rules": [RULE]}]}))
    values = {"prometheusRule": {"enabled": True, "groups": [{"name": "last", "rules": [RULE]}]}}
    done = helm4.run("template", "aigw", str(chart), "--show-only", "templates/prometheusrule.yaml", values=values)
    names = [group["name"] for group in yaml.safe_load(done.stdout)["spec"]["groups"]]
    assert ("first" in names, names[-1]) == (True, "last")


def test_the_autoscaler_has_the_behavior(rendered: dict[str, list[Manifest]]) -> None:
    assert one(rendered["sidecar-more-full"], "HorizontalPodAutoscaler")["spec"]["behavior"] == {
        "scaleDown": {"stabilizationWindowSeconds": 600}
    }


@pytest.mark.parametrize("mode", ["sidecar", "service"])
def test_users_and_groups_can_be_left_to_the_cluster(helm: Helm, mode: str) -> None:
    manifests = helm.manifests({**OPENSHIFT, "mode": mode, "networkPolicy": {"clients": PEER}})
    for spec in pod_specs(manifests):
        assert "fsGroup" not in spec["securityContext"]
        for container in containers(spec).values():
            assert container["securityContext"].keys() & {"runAsUser", "runAsGroup"} == set()
            assert container["securityContext"]["runAsNonRoot"] is True


def test_a_processor_with_tls_does_not_say_that_it_speaks_cleartext(rendered: dict[str, list[Manifest]]) -> None:
    [port] = one(rendered["service-tls"], "Service", "-processor")["spec"]["ports"]
    assert port["appProtocol"] == "https"


def test_a_headless_service_has_another_name_than_one_with_an_address(helm4: Helm) -> None:
    """An upgrade from mode to mode cannot change `clusterIP` of a Service that exists."""
    services = {
        (each["metadata"]["name"], each["spec"].get("clusterIP"))
        for mode in ("sidecar", "service")
        for each in helm4.manifests({"mode": mode, "networkPolicy": {"clients": PEER}})
        if each["kind"] == "Service"
    }
    assert services == {("aigw-aigw-extproc", None), ("aigw-aigw-extproc-processor", "None")}


@pytest.mark.parametrize("name", ["sidecar-more-full", "sidecar-check-existing", "sidecar-check-file-bare"])
def test_the_check_before_an_upgrade_reads_what_the_pods_will_read(
    rendered: dict[str, list[Manifest]], name: str
) -> None:
    manifests = rendered[name]
    job = one(manifests, "Job", "-check")["spec"]["template"]["spec"]
    pod = one(manifests, "Deployment")["spec"]["template"]["spec"]
    (check,), processor = job["containers"], containers(pod)["processor"]
    sources = [word for word in processor["args"] if word.startswith(("/etc", "--secrets"))]
    assert check["args"] == ["check", *sources]
    mounts = [each for each in processor["volumeMounts"] if each["mountPath"].startswith("/etc/aigw")]
    assert check["volumeMounts"] == mounts
    for copy, original in zip(_sources(job), _sources(pod), strict=True):
        if copy != original:  # what the release brings itself does not exist yet, so the hook has its own
            assert content(copy, manifests) == content(original, manifests)
    assert bool(_sources(job) == _sources(pod)) is name.endswith("existing")


def _sources(spec: Manifest) -> list[Manifest]:
    """Return the volumes of a pod's resources and Secrets."""
    return [volume for volume in spec["volumes"] if "configMap" in volume or "secret" in volume]
