"""Envoy's configuration as a pod generates it, with the container's own command, ConfigMap and Secret."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from aigw_extproc.config.files.load import load
from tests.envoy_config.running import wait_for
from tests.helm.cases import CASES, CREDENTIALS, FILE, Values
from tests.helm.pods import Manifest, command, containers, here, mount, one
from tests.helm.tools import Helm

SIDECARS = {
    name: values
    for name, values in CASES.items()
    if name.startswith("sidecar") and "existing" not in name + str(values)
}
"""Cases whose manifests contain everything that their pods read."""


@contextmanager
def written(manifests: list[Manifest], folder: Path) -> Iterator[Path]:
    """Yield the path of Envoy's configuration while the container keeps it up to date."""
    spec = one(manifests, "Deployment")["spec"]["template"]["spec"]
    mount(spec, manifests, folder)
    process = subprocess.Popen(command(containers(spec)["envoy-config"], folder))
    config = here("/etc/envoy/envoy.yaml", folder)
    try:
        wait_for(lambda: config.exists() or process.poll() is not None or None, what="the configuration", seconds=30)
        yield config
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize("name", SIDECARS)
def test_envoy_accepts_the_configuration_of_the_pod(helm4: Helm, name: str, tmp_path: Path) -> None:
    manifests = helm4.manifests(SIDECARS[name])
    spec = one(manifests, "Deployment")["spec"]["template"]["spec"]
    with written(manifests, tmp_path):
        arguments = [*command(containers(spec)["envoy"], tmp_path), "--mode", "validate"]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip().endswith("OK")) == (0, True), done.stderr


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "bedrock-runtime.us-east-1.amazonaws.com"),
        ("cn-north-1", "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_envoy_connects_to_the_region(helm4: Helm, region: str, host: str, tmp_path: Path) -> None:
    with written(helm4.manifests({"config": {"region": region}}), tmp_path) as config:
        (cluster,) = yaml.safe_load(config.with_name("clusters.yaml").read_text())["resources"]
    (locality,) = cluster["load_assignment"]["endpoints"]
    (endpoint,) = locality["lb_endpoints"]
    assert endpoint["endpoint"]["address"] == {"socket_address": {"address": host, "port_value": 443}}
    assert cluster["transport_socket"]["typed_config"]["sni"] == host


def test_a_changed_configmap_changes_the_clusters(helm4: Helm, tmp_path: Path) -> None:
    """The file is replaced in one step, as kubelet does it."""
    values: Values = {"credentials": {"method": "secret", "file": FILE}}
    with written(helm4.manifests(values), tmp_path) as config:
        clusters = config.with_name("clusters.yaml")
        resources = here("/etc/aigw/resources/resources.yaml", tmp_path)
        changed = resources.read_text().replace("us-east-1", "eu-west-1")
        resources.with_suffix(".new").write_text(changed)
        resources.with_suffix(".new").replace(resources)
        wait_for(lambda: "eu-west-1" in clusters.read_text() or None, what="the other region", seconds=5)
        assert "us-east-1" in clusters.read_text()  # kept, for requests that are under way


@pytest.mark.parametrize(
    ("model", "code", "output"),
    [
        ('"nova"', 0, ("ok: 1 rule, 1 upstream, 1 model", "")),
        ("1", 1, ("", "expected text, got the number 1; put it in quotes")),
    ],
)
def test_the_check_before_an_upgrade_refuses_wrong_resources(
    helm4: Helm, model: str, code: int, output: tuple[str, str], tmp_path: Path
) -> None:
    plain = helm4.manifests({"config": {"models": [{"name": "nova"}]}})
    resources = one(plain, "ConfigMap")["data"]["resources.yaml"].replace('"nova"', model)
    values: Values = {
        "upgradeCheck": {"enabled": True},
        "config": {"resources": resources},
        "credentials": {"method": "secret", "file": FILE},
    }
    manifests = helm4.manifests(values)
    (spec,) = (each["spec"]["template"]["spec"] for each in manifests if each["kind"] == "Job")
    mount(spec, manifests, tmp_path)
    done = subprocess.run(command(spec["containers"][0], tmp_path), capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    assert (output[0] in done.stdout, output[1] in done.stderr) == (True, True)


def test_admin_is_on_loopback(helm4: Helm, tmp_path: Path) -> None:
    with written(helm4.manifests({"listenHost": "::", "envoy": {"adminPort": 9911}}), tmp_path) as config:
        address = yaml.safe_load(config.read_text())["admin"]["address"]
    assert address == {"socket_address": {"address": "127.0.0.1", "port_value": 9911}}


@pytest.mark.parametrize("credentials", ["podIdentity", "file"])
def test_clients_need_a_key_of_the_secret(helm4: Helm, credentials: str, tmp_path: Path) -> None:
    values: Values = {"credentials": CREDENTIALS[credentials], "apiKeys": {"existingSecret": "team-keys"}}
    secret = {"kind": "Secret", "metadata": {"name": "team-keys"}, "stringData": {"team-a": "key-of-a"}}
    manifests = [*helm4.manifests(values), secret]
    mount(one(manifests, "Deployment")["spec"]["template"]["spec"], manifests, tmp_path)
    loaded = load([here("/etc/aigw/resources", tmp_path)], here("/etc/aigw/secrets", tmp_path))
    [rule] = loaded.snapshot.rules
    assert rule.policy is not None
    assert rule.policy.keys is not None
    assert set(rule.policy.keys.clients.values()) == {"team-a"}
