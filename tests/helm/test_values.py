"""Refused values, and the table of values in the chart's README."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.docs.pages import Block, blocks
from tests.helm.cases import CRDS, FRONT, GATEWAY, MORE, OPTIONS, PEER, ROLE
from tests.helm.goldens import README, VALUES, with_comments, with_table
from tests.helm.tools import CHART, Helm

TYPOS: dict[str, dict[str, Any]] = {
    "modes": {"modes": "sidecar"},
    "replicas": {"replicas": 3},
    "repo": {"image": {"repo": "aigw-extproc"}},
    "model": {"config": {"model": "nova"}},
    "bedrock_model": {"config": {"models": [{"name": "a", "bedrock_model": "b"}]}},
    "rolearn": {"credentials": {"rolearn": ROLE}},
    "annotation": {"serviceAccount": {"annotation": {}}},
    "worker": {"processor": {"worker": 2}},
    "adminport": {"envoy": {"adminport": 9901}},
    "resource": {"envoyConfig": {"resource": {}}},
    "seconds": {"drain": {"seconds": 3}},
    "ports": {"service": {"ports": 80}},
    "minAvailable": {"podDisruptionBudget": {"minAvailable": 1}},
    "maxReplica": {"autoscaling": {"maxReplica": 2}},
    "egress": {"networkPolicy": {"egress": []}},
    "enable": {"serviceMonitor": {"enable": True}},
    "label": {"dashboard": {"label": {}}},
    "prompt": {"test": {"prompt": "Hello"}},
    "keys": {"apiKeys": {"keys": {}}},
    "sha": {"image": {"sha": "0"}},
    "loadBalancerIp": {"service": {"loadBalancerIp": "192.0.2.1"}},
    "class": {"ingress": {"class": "nginx"}},
    "pathtype": {"ingress": {"hosts": [{"paths": [{"pathtype": "Exact"}]}]}},
    "secret": {"ingress": {"tls": [{"secret": "a"}]}},
    "hostname": {"httpRoute": {"hostname": "a.example"}},
    "behaviour": {"autoscaling": {"behaviour": {}}},
    "period": {"processor": {"livenessProbe": {"period": 3}}},
    "relabeling": {"serviceMonitor": {"relabeling": []}},
    "rules": {"prometheusRule": {"rules": []}},
    "initContainers": {"initContainers": []},
    "secretNames": {"gateway": {"secretNames": []}},
    "group": {"crds": {"group": "aigateway.envoyproxy.io"}},
}
WRONG: dict[str, dict[str, Any]] = {
    "mode": {"mode": "daemonset"},
    "workers": {"processor": {"workers": 0}},
    "transport": {"processor": {"transport": "http"}},
    "method": {"credentials": {"method": "IRSA"}},
    "roleArn": {"credentials": {"method": "irsa", "roleArn": "aigw-bedrock"}},
    "region": {"config": {"region": "us-esat-1"}},
    "port": {"envoy": {"port": 80}},
    "listenHost": {"listenHost": "localhost"},
    "existingSecret": {"credentials": {"existingSecret": "Not_A_Name"}},
    "digest": {"image": {"digest": "latest"}},
    "imageRegistry": {"global": {"imageRegistry": "/registry.example"}},
    "externalTrafficPolicy": {"service": {"externalTrafficPolicy": "local"}},
    "ipFamilies": {"service": {"ipFamilies": ["ipv6"]}},
    "parentRefs": {"httpRoute": {"parentRefs": [{"kind": "Gateway"}]}},
    "strategy": {"strategy": {"maxSurge": 1}},
    "commonLabels": {"commonLabels": {"app.kubernetes.io/component": "test"}},
    "podLabels": {"podLabels": {"app.kubernetes.io/name": "gateway"}},
    "extraObjects": {"extraObjects": [1]},
    "groups": {"crds": {"groups": ["gateway.k8s.io"]}},
}
CONTRADICTIONS = {
    "config: existingConfigMap and resources are both set": {
        "config": {"existingConfigMap": "a", "resources": [{"kind": "Backend", "metadata": {"name": "a"}}]}
    },
    "config.models: only valid with config.region": {
        "config": {"existingConfigMap": "a", "models": [{"name": "nova"}]}
    },
    "credentials.roleArn: only valid with method irsa, not podIdentity": {"credentials": {"roleArn": ROLE}},
    "credentials.roleArn: method irsa needs the role": {"credentials": {"method": "irsa"}},
    "credentials.existingSecret or credentials.file: method secret needs one": {"credentials": {"method": "secret"}},
    "credentials: existingSecret and file are only valid with method secret, not podIdentity": {
        "credentials": {"existingSecret": "key"}
    },
    "credentials: existingSecret and file are both set": {
        "credentials": {"method": "secret", "existingSecret": "key", "file": "[default]"}
    },
    "processor.tls: only valid with mode service, not sidecar": {"processor": {"tls": {"existingSecret": "tls"}}},
    "mode service: everyone who can connect would have requests signed": {"mode": "service"},
    "mode service: everyone who can connect": {"mode": "service", "networkPolicy": {"enabled": False, "clients": PEER}},
    "mode service: everyone": {
        "mode": "service",
        "processor": {"tls": {"existingSecret": "tls", "clientCertificates": False}},
    },
    "with method irsa, not secret; remove it (--set credentials.roleArn=)": {  # an upgrade with --reuse-values
        "credentials": {"method": "secret", "existingSecret": "key", "roleArn": ROLE}
    },
    "service: loadBalancerClass and loadBalancerSourceRanges are only valid with type LoadBalancer, not ClusterIP": {
        "service": {"loadBalancerSourceRanges": ["203.0.113.0/24"]}
    },
    "service: externalTrafficPolicy and nodePort are only valid with type NodePort or LoadBalancer": {
        "service": {"externalTrafficPolicy": "Local"}
    },
    "ingress, httpRoute: not valid with mode service": {
        "mode": "service",
        "networkPolicy": {"clients": PEER},
        "ingress": {"enabled": True, "hosts": [{"host": "a.example"}]},
    },
    "ingress.hosts: name at least one host": {"ingress": {"enabled": True}},
    "httpRoute.parentRefs: name the Gateway": {"httpRoute": {"enabled": True}},
    "apiKeys.existingSecret: only valid with config.region": {
        "apiKeys": {"existingSecret": "keys"},
        "config": {"existingConfigMap": "a"},
    },
    "credentials.method: irsa annotates the service account": {
        "credentials": {"method": "irsa", "roleArn": ROLE},
        "serviceAccount": {"create": False},
    },
}


@pytest.mark.parametrize("name", TYPOS)
def test_typos_are_refused_by_name(helm: Helm, name: str) -> None:
    assert re.search(rf"additional propert\w+ '?{name}'? (is )?not allowed", helm.refusal(TYPOS[name]), re.IGNORECASE)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_values_are_refused_by_name(helm: Helm, name: str) -> None:
    assert name in helm.refusal(WRONG[name])


@pytest.mark.parametrize(("message", "values"), CONTRADICTIONS.items(), ids=lambda value: str(value)[:40])
def test_contradictions_are_reported(helm4: Helm, message: str, values: dict[str, Any]) -> None:
    assert message in helm4.refusal(values)


@pytest.mark.parametrize("block", blocks("yaml", note="values"), ids=str)
def test_examples_on_the_pages_render(helm4: Helm, block: Block) -> None:
    assert helm4.manifests(yaml.safe_load(block.text))


def test_every_value_is_tried() -> None:
    """Except those for which only the default is tested."""
    known = yaml.safe_load((CHART / "values.yaml").read_text())
    rest = {"nameOverride", "fullnameOverride", "credentials", "apiKeys", "adminPort"}
    assert known.keys() - (OPTIONS | MORE | FRONT | CRDS | GATEWAY).keys() == rest | {
        "podDisruptionBudget",
        "topologySpreadConstraints",
    }


def test_the_readme_lists_every_value() -> None:
    assert README.read_text() == with_table(README.read_text())


def test_values_are_explained_where_they_are() -> None:
    assert VALUES.read_text() == with_comments(VALUES.read_text())
