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
CONTAINER = {
    "image": "registry.example/helper:1",
    "volumeMounts": [],
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    "securityContext": {
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}
DIGEST = f"sha256:{'0123456789abcdef' * 4}"
RULE = {"alert": "Defects", "expr": "increase(aigw_defects_total[5m]) > 0", "labels": {"severity": "warning"}}
MORE: Values = {
    "commonLabels": {"cost-center": "42", "team": "platform"},
    "global": {"imageRegistry": "mirror.example:5000/hub", "unrelated": True},
    "image": {"repository": "registry.example/aigw-extproc", "digest": DIGEST},
    "envoyConfig": {"image": {"digest": DIGEST}, "startupProbe": {"failureThreshold": 90}},
    "processor": {
        "readyNeedsCredentials": True,
        "extraEnvFrom": [{"configMapRef": {"name": "proxy"}}],
        "livenessProbe": {"initialDelaySeconds": 5, "failureThreshold": 3},
    },
    "envoy": {"extraEnvFrom": [{"secretRef": {"name": "envoy"}}], "readinessProbe": {"periodSeconds": 2}},
    "service": {
        "type": "LoadBalancer",
        "nodePort": 30080,
        "loadBalancerClass": "service.k8s.aws/nlb",
        "loadBalancerSourceRanges": ["203.0.113.0/24"],
        "externalTrafficPolicy": "Local",
        "ipFamilyPolicy": "PreferDualStack",
        "ipFamilies": ["IPv6", "IPv4"],
    },
    "upgradeCheck": {"enabled": True},
    "strategy": {"type": "Recreate", "rollingUpdate": None},
    "podLabels": {"team": "search"},
    "podSecurityContext": {"fsGroup": 2000},
    "containerSecurityContext": {"privileged": False},
    "dnsPolicy": "None",
    "dnsConfig": {"nameservers": ["10.0.0.10"], "options": [{"name": "ndots", "value": "2"}]},
    "runtimeClassName": "gvisor",
    "extraInitContainers": [{"name": "wait", "command": ["true"], **CONTAINER}],
    "extraContainers": [{"name": "agent", **CONTAINER}],
    "extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}, "data": {"a": "b"}},
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: as-text}\ndata: {mode: "{{ .Values.mode }}"}',
    ],
    "autoscaling": {"enabled": True, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}}},
    "serviceMonitor": {
        "enabled": True,
        "scrapeTimeout": "10s",
        "relabelings": [{"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}],
        "metricRelabelings": [{"action": "labeldrop", "regex": "pod"}],
    },
    "traces": {"endpoint": "http://collector:4318", "ratio": 0.1, "upstream": True},
    "prometheusRule": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "groups": [{"name": "a", "rules": [RULE]}],
    },
}
"""What charts commonly have besides OPTIONS."""
FRONT: Values = {
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "annotations": {"nginx.ingress.kubernetes.io/proxy-buffering": "off"},
        "hosts": [
            {"host": "models.example"},
            {"host": "api.example", "paths": [{"path": "/v1"}, {"path": "/", "pathType": "Exact"}]},
            {"paths": [{"path": "/bedrock"}]},
        ],
        "tls": [{"secretName": "models-tls", "hosts": ["models.example"]}],
    },
    "httpRoute": {
        "enabled": True,
        "annotations": {"note": "1"},
        "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}],
        "hostnames": ["models.example"],
        "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-internal"]}}],
        "timeouts": {"backendRequest": "0s"},
    },
}
"""What leads clients to the Service, which mode `service` has not."""
GATEWAY: Values = {
    "mode": "gateway",
    "gateway": {
        "name": "envoy-ai-gateway-basic",
        "namespace": "default",
        "className": "envoy-ai-gateway-basic",
        "namespaces": ["team-a", "team-b"],
        "secrets": ["aws-access-key", "team-a/other-account"],
        "configMaps": ["team-b/authorities"],
    },
    "serviceAccount": {"name": "ai-gateway-dataplane-aws"},
    "networkPolicy": {"enabled": True},
}
OPENSHIFT: Values = {
    "podSecurityContext": {"fsGroup": None},
    "processor": {"securityContext": {"runAsUser": None, "runAsGroup": None}},
    "envoy": {"securityContext": {"runAsUser": None, "runAsGroup": None}},
    "envoyConfig": {"securityContext": {"runAsUser": None, "runAsGroup": None}},
}
"""OpenShift chooses users and groups itself, the same for all containers of a pod."""
CRDS: Values = {"crds": {"install": True}}
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
CASES["sidecar-check-existing"] = {
    "upgradeCheck": {"enabled": True},
    "config": {"existingConfigMap": "resources"},
    "credentials": {"method": "default", "extraSecrets": ["other-account"]},
}
CASES["sidecar-check-file-bare"] = {"upgradeCheck": {"enabled": True}, "credentials": CREDENTIALS["file"]}
CASES["gateway"] = GATEWAY
CASES["gateway-more"] = {**MORE, **FRONT, **GATEWAY, "upgradeCheck": {"enabled": False}}
CASES["crds"] = CRDS
CASES["sidecar-more-full"] = {**MORE, **FRONT}
CASES["service-more-full"] = {**MORE, "mode": "service"}
for _name, _values in CASES.items():
    if _name.startswith("service") and "networkPolicy" not in _values:  # which has to name clients there
        _values["networkPolicy"] = {"clients": PEER}
CASES["service-tls"] = {"mode": "service", "processor": {"tls": {"existingSecret": "processor-tls"}}}
