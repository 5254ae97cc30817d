"""Resources as users apply them: the guide's files, and small ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gateway.resources import backend, ref, rule
from tests.kubernetes.fake_api import AI_GATEWAY, ENVOY_GATEWAY, GATEWAY_API, Value

GUIDE = Path(__file__).parents[2].parent / "shared" / "guide-files"
needs_guide = pytest.mark.skipif(not GUIDE.is_dir(), reason=f"the user guide's files are not at {GUIDE}")
GATEWAY = "envoy-ai-gateway-basic"


def guide(name: str, port: int) -> list[Value]:
    """A file of the guide with its placeholders filled in, without its namespace.

    Its Backends lead to the simulator, which is reached in clear, so without the BackendTLSPolicies.
    """
    found = [each for each in yaml.safe_load_all((GUIDE / f"{name}.yaml").read_text()) if each]
    for document in found:
        document["metadata"].pop("namespace", None)
        if document["kind"] == "Backend":
            document["spec"]["endpoints"] = [{"ip": {"address": "127.0.0.1", "port": port}}]
    return [each for each in found if each["kind"] in SERVED]


SERVED = (
    *("AIGatewayRoute", "AIServiceBackend", "BackendSecurityPolicy", "Backend", "ClientTrafficPolicy"),
    *("Gateway", "Secret"),
)


def gateway(name: str = GATEWAY, *, of_class: str = "aigw", **listener: Any) -> Value:
    """A Gateway."""
    listeners = [{"name": "http", "protocol": "HTTP", "port": 80, **listener}]
    spec = {"gatewayClassName": of_class, "listeners": listeners}
    return {
        "apiVersion": f"{GATEWAY_API}/v1",
        "kind": "Gateway",
        "metadata": {"name": name},
        "spec": spec,
    }


def route(name: str, *rules: Value, gateway: str = GATEWAY, **fields: Any) -> Value:
    """A route of a Gateway."""
    parents = [{"group": GATEWAY_API, "kind": "Gateway", "name": gateway}]
    return {
        "apiVersion": f"{AI_GATEWAY}/v1beta1",
        "kind": "AIGatewayRoute",
        "metadata": {"name": name},
        "spec": {"parentRefs": parents, "rules": list(rules), **fields},
    }


def to(service: str, model: str) -> Value:
    """A rule for one model."""
    return rule(ref(service), model=model)


def policy(name: str, *targets: tuple[str, str], **spec: Any) -> Value:
    """A SecurityPolicy for some targets: their kind and name."""
    refs = [
        {"group": GATEWAY_API if kind == "Gateway" else AI_GATEWAY, "kind": kind, "name": target}
        for kind, target in targets
    ]
    return {
        "apiVersion": f"{ENVOY_GATEWAY}/v1alpha1",
        "kind": "SecurityPolicy",
        "metadata": {"name": name},
        "spec": {"targetRefs": refs, **spec},
    }


def keys_in(secret: str) -> Value:
    """`apiKeyAuth` with the keys of a Secret."""
    return {"credentialRefs": [{"name": secret}], "extractFrom": [{"headers": ["x-team-key"]}]}


def secret(name: str, **entries: str) -> Value:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": entries}


def service(name: str, port: int) -> list[Value]:
    """An AIServiceBackend of this name, and all that it needs to reach the simulator."""
    return list(backend(name, port))
