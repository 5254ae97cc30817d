"""The values for testing the chart: every mode with every source of credentials, bare and with all options."""

from __future__ import annotations

from itertools import product
from typing import Any

Values = dict[str, Any]

ROLE = "arn:aws:iam::111122223333:role/aigw-bedrock"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/canary"
FILE = f"[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET_KEY}\n"

CREDENTIALS: dict[str, Values] = {
    "podIdentity": {"method": "podIdentity"},
    "irsa": {"method": "irsa", "roleArn": ROLE},
    "existingSecret": {"method": "secret", "existingSecret": "aws.access-key"},
    "file": {"method": "secret", "file": FILE},
    "default": {"method": "default"},
}

PEER = [{"namespaceSelector": {"matchLabels": {"team": "search"}}}]
OPTIONS: Values = {
    "replicaCount": 3,
    "imagePullSecrets": [{"name": "registry"}],
    "image": {"repository": "registry.example/aigw-extproc", "tag": "1.2.3", "pullPolicy": "Always"},
    "config": {
        "region": "eu-central-1",
        "host": "vpce-1.bedrock-runtime.eu-central-1.vpce.amazonaws.com",
        "models": [
            {"name": "eu.amazon.nova-micro-v1:0"},
            {"name": "claude", "bedrockModel": "eu.anthropic.claude-sonnet-4-20250514-v1:0"},
        ],
    },
    "serviceAccount": {"name": "gateway", "annotations": {"team": "search"}},
    "processor": {
        "workers": 2,
        "transport": "grpc",
        "logLevel": "debug",
        "extraArgs": ["--drain-seconds=30"],
        "extraEnv": [{"name": "AWS_USE_FIPS_ENDPOINT", "value": "true"}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    },
    "envoy": {
        "concurrency": 4,
        "extraArgs": ["--component-log-level", "upstream:debug"],
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    },
    "listenHost": "::",
    "drain": {"endpointsSeconds": 20, "exchangesSeconds": 300},
    "service": {
        "type": "LoadBalancer",
        "port": 8080,
        "headless": False,
        "annotations": {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"},
    },
    "podAnnotations": {"note": "1"},
    "podLabels": {"team": "search"},
    "priorityClassName": "high",
    "nodeSelector": {"kubernetes.io/arch": "arm64"},
    "tolerations": [{"key": "spot", "operator": "Exists"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}]
            }
        }
    },
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "autoscaling": {"enabled": True},
    "networkPolicy": {
        "enabled": True,
        "clients": PEER,
        "monitoring": PEER,
        "extraEgress": [{"ports": [{"port": 8091}]}],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True},
    "test": {"model": "claude"},
}
NOTHING: Values = {
    "serviceAccount": {"create": False},
    "podDisruptionBudget": {"enabled": False},
    "topologySpreadConstraints": [],
    "config": {"existingConfigMap": "resources"},
}

CASES: dict[str, Values] = {
    f"{mode}-{name}-{amount}": {**options, "mode": mode, "credentials": credentials}
    for mode, (name, credentials), (amount, options) in product(
        ("sidecar", "service"), CREDENTIALS.items(), (("bare", {}), ("full", OPTIONS))
    )
}
for _mode in ("sidecar", "service"):
    CASES[f"{_mode}-nothing"] = {**NOTHING, "mode": _mode}
    CASES[f"{_mode}-apiKeys"] = {"mode": _mode, "apiKeys": {"existingSecret": "team-keys"}}
for _name, _values in CASES.items():
    if _name.startswith("service") and "networkPolicy" not in _values:  # which has to name clients there
        _values["networkPolicy"] = {"clients": PEER}
CASES["service-tls"] = {"mode": "service", "processor": {"tls": {"existingSecret": "processor-tls"}}}
