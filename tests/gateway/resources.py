"""Resource files for gateways under test, in the words that users write them in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY

Document = dict[str, Any]


def write(path: Path, *documents: Document) -> Path:
    """Puts the documents into a file, whose readers see all of them or none."""
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    return unfinished.rename(path)


def route(name: str, *rules: Document, hostnames: tuple[str, ...] = ()) -> Document:
    spec: Document = {"rules": list(rules)}
    if hostnames:
        spec["hostnames"] = list(hostnames)
    return _document("aigateway.envoyproxy.io/v1beta1", "AIGatewayRoute", name, spec)


def rule(*refs: Document, **headers: str) -> Document:
    """A rule for requests with all of these headers, `model` being short for x-ai-eg-model; `~` begins a pattern."""
    conditions = [_condition(name, value) for name, value in headers.items()]
    return {"backendRefs": list(refs)} | ({"matches": [{"headers": conditions}]} if conditions else {})


def ref(backend: str = "bedrock", **fields: Any) -> Document:
    """A backendRef; `to` is short for modelNameOverride."""
    if "to" in fields:
        fields["modelNameOverride"] = fields.pop("to")
    return {"name": backend, **fields}


def backend(
    name: str,
    port: int,
    *,
    key_id: str = DEMO_ACCESS_KEY_ID,
    secret: str = DEMO_SECRET_ACCESS_KEY,
    annotations: dict[str, str] | None = None,
    **fields: Any,
) -> list[Document]:
    """Bedrock at a port of this machine, in clear, with an access key: every resource that this takes."""
    policy = {
        "targetRefs": [{"group": "aigateway.envoyproxy.io", "kind": "AIServiceBackend", "name": name}],
        "type": "AWSCredentials",
        "awsCredentials": {"region": "us-east-1", "credentialsFile": {"secretRef": {"name": name}}},
    }
    service = {
        "schema": {"name": "AWSBedrock"},
        "backendRef": {"name": name, "kind": "Backend", "group": "gateway.envoyproxy.io"},
        **fields,
    }
    where = {"endpoints": [{"ip": {"address": "127.0.0.1", "port": port}}]}
    serving = _document("aigateway.envoyproxy.io/v1beta1", "AIServiceBackend", name, service)
    serving["metadata"] |= {"annotations": annotations} if annotations else {}
    return [
        serving,
        _document("aigateway.envoyproxy.io/v1beta1", "BackendSecurityPolicy", name, policy),
        _document("gateway.envoyproxy.io/v1alpha1", "Backend", name, where),
        {**_named("v1", "Secret", name), "stringData": {"credentials": credentials_file(key_id, secret)}},
    ]


def openai_backend(name: str, port: int) -> list[Document]:
    """A server with OpenAI's API at a port of this machine, without a key."""
    serving, _, where, _ = backend(name, port, schema={"name": "OpenAI"})
    return [serving, where]


def traffic_policy(route: str, **spec: Any) -> Document:
    """A BackendTrafficPolicy of a route."""
    targets = [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": route}]
    return _document("gateway.envoyproxy.io/v1alpha1", "BackendTrafficPolicy", route, {"targetRefs": targets, **spec})


def rate_limit(route: str, *rules: Document, **spec: Any) -> Document:
    """A BackendTrafficPolicy of a route, with these global rules."""
    return traffic_policy(route, rateLimit={"global": {"rules": list(rules)}}, **spec)


def limit_of(requests: int, unit: str = "Hour", *headers: str, **fields: Any) -> Document:
    """A rule of `rateLimit`; the values of the headers are counted apart."""
    conditions = [{"name": name, "type": "Distinct"} for name in headers]
    selectors = {"clientSelectors": [{"headers": conditions}]} if headers else {}
    return {"limit": {"requests": requests, "unit": unit}, **selectors, **fields}


def quota_policy(backend: str, **spec: Any) -> Document:
    """A QuotaPolicy of a backend."""
    targets = [{"group": "aigateway.envoyproxy.io", "kind": "AIServiceBackend", "name": backend}]
    return _document("aigateway.envoyproxy.io/v1alpha1", "QuotaPolicy", backend, {"targetRefs": targets, **spec})


def credentials_file(key_id: str, secret: str) -> str:
    return f"[default]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"


def buffer_limit(limit: str) -> Document:
    spec = {"connection": {"bufferLimit": limit}}
    return _document("gateway.envoyproxy.io/v1alpha1", "ClientTrafficPolicy", "limit", spec)


def _condition(name: str, value: str) -> Document:
    header = "x-ai-eg-model" if name == "model" else name.replace("_", "-")
    if value.startswith("~"):
        return {"name": header, "type": "RegularExpression", "value": value[1:]}
    return {"name": header, "value": value}


def _document(version: str, kind: str, name: str, spec: Document) -> Document:
    return {**_named(version, kind, name), "spec": spec}


def _named(version: str, kind: str, name: str) -> Document:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
