"""The CustomResourceDefinitions: up to date, structural, and neither stricter nor narrower than what is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cel_expr_python import cel
from jsonschema import Draft202012Validator

from aigw_extproc.config.crds.definitions import definitions
from aigw_extproc.config.crds.rules import DESCRIPTIONS, RULES
from aigw_extproc.config.resources import ai_gateway, infrastructure, security
from aigw_extproc.config.resources.kinds import KINDS
from tests.docs.pages import ROOT, blocks

FOLDER = ROOT / "charts/aigw-extproc/crd-files"
GUIDE = ROOT.parent / "shared" / "guide-files"
FILES = sorted((*(ROOT / "examples").rglob("*.yaml"), *GUIDE.glob("*.yaml")))
DEFINITIONS: dict[str, dict[str, Any]] = {name: yaml.safe_load(text) for name, text in definitions()}
VERSIONS = {
    (one["spec"]["group"], one["spec"]["names"]["kind"], version["name"]): version
    for one in DEFINITIONS.values()
    for version in one["spec"]["versions"]
}
KEYWORDS = {
    *("type", "description", "properties", "required", "items", "additionalProperties"),
    *("enum", "minLength", "minimum", "maximum", "maxItems"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string", "x-kubernetes-validations"),
}


def schema(group: str, kind: str, version: str) -> dict[str, Any]:
    found: dict[str, Any] = VERSIONS[group, kind, version]["schema"]["openAPIV3Schema"]
    return found


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, property_ in schema.get("properties", {}).items():
        yield from nodes(property_, f"{path}.{name}")
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            yield from nodes(schema[keyword], f"{path}[]")


def resources(text: str) -> Iterator[dict[str, Any]]:
    for document in yaml.safe_load_all(text):
        group, _, version = (document or {}).get("apiVersion", "").rpartition("/")
        if (group, document and document["kind"], version) in VERSIONS:
            yield document


def errors(document: dict[str, Any]) -> list[str]:
    group, _, version = document["apiVersion"].rpartition("/")
    found = Draft202012Validator(schema(group, document["kind"], version)).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in found]


def test_the_chart_has_what_make_crds_generates() -> None:
    assert {file.name: file.read_text() for file in FOLDER.glob("*.yaml")} == dict(definitions())


def test_every_kind_has_a_definition_with_one_stored_version() -> None:
    expected = {(group, kind, version) for (group, kind), versions in KINDS.items() if group for version in versions}
    # It has other fields, and the API server would not convert them.
    assert expected - VERSIONS.keys() == {("gateway.networking.k8s.io", "BackendTLSPolicy", "v1alpha2")}
    stored = {
        one["spec"]["names"]["kind"]: [version["name"] for version in one["spec"]["versions"] if version["storage"]]
        for one in DEFINITIONS.values()
    }
    assert stored["AIGatewayRoute"] == ["v1beta1"]
    assert {len(names) for names in stored.values()} == {1}
    assert all(version["served"] for version in VERSIONS.values())


def test_schemas_are_structural() -> None:
    """https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema"""
    for _, kind, version in VERSIONS:
        root = schema(_, kind, version)
        assert root["type"] == "object"
        assert root["properties"]["metadata"] == {"type": "object"}
        for path, node in nodes(root):
            where = f"{kind}/{version}{path}"
            assert node.keys() <= KEYWORDS, where
            untyped = {"x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"}
            assert "type" in node or node.keys() & untyped, where
            assert ("properties" in node or "additionalProperties" in node) <= (node.get("type") == "object"), where
            assert ("items" in node) == (node.get("type") == "array"), where
            assert not {"properties", "additionalProperties"} <= node.keys(), where
            assert set(node.get("required", ())) <= node.get("properties", {}).keys(), where


def test_no_field_of_others_is_pruned() -> None:
    """Other programs may read fields that this one does not know."""
    for (_, kind, version), one in VERSIONS.items():
        root = one["schema"]["openAPIV3Schema"]
        for path, node in nodes(root):
            if path and path != ".metadata" and "properties" in node:
                assert node["x-kubernetes-preserve-unknown-fields"] is True, f"{kind}/{version}{path}"


def test_objects_and_most_fields_of_the_ai_gateway_have_descriptions() -> None:
    """`kubectl explain` shows them."""
    own = [
        (f"{kind}{path}", node)
        for (group, kind, version) in VERSIONS
        if group == ai_gateway.AI_GATEWAY
        for path, node in nodes(schema(group, kind, version)["properties"]["spec"])
        if not path.endswith("[]")
    ]
    assert [path for path, node in own if "properties" in node and not node.get("description")] == []
    assert len([path for path, node in own if node.get("description")]) > 0.9 * len(own)


def test_descriptions_and_rules_belong_to_fields() -> None:
    for struct, texts in DESCRIPTIONS.items():
        names = {field.encode_name for field in _fields(struct)}
        assert texts.keys() <= names, struct.__name__


def _fields(struct: Any) -> Any:
    from msgspec import inspect

    return inspect.type_info(struct).fields  # type: ignore[attr-defined]


def test_definitions_say_what_became_of_a_resource() -> None:
    columns = {kind: one["additionalPrinterColumns"] for (_, kind, _), one in VERSIONS.items()}
    assert [(column["name"], column["jsonPath"]) for column in columns["AIGatewayRoute"]] == [
        ("Accepted", '.status.conditions[?(@.type=="Accepted")].status'),
        ("ResolvedRefs", '.status.conditions[?(@.type=="ResolvedRefs")].status'),
        ("Age", ".metadata.creationTimestamp"),
    ]
    assert columns["SecurityPolicy"][0]["jsonPath"] == ('.status.ancestors[*].conditions[?(@.type=="Accepted")].status')
    assert all(version["subresources"] == {"status": {}} for version in VERSIONS.values())


def test_definitions_are_never_removed_with_the_release() -> None:
    for one in DEFINITIONS.values():
        annotations = one["metadata"]["annotations"]
        assert annotations["helm.sh/resource-policy"] == "keep"
        # https://kubernetes.io/docs/reference/labels-annotations-taints/#api-approved-kubernetes-io
        kubernetes = one["spec"]["group"].endswith(".k8s.io")
        assert ("api-approved.kubernetes.io" in annotations) is kubernetes


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_files_of_examples_and_the_guide_are_valid(file: Path) -> None:
    assert [error for document in resources(file.read_text()) for error in errors(document)] == []


def test_resources_on_the_pages_are_valid() -> None:
    texts = [block.text for block in blocks("yaml") if block.note not in {"envoy", "compose", "values"}]
    documents = [document for text in texts for document in resources(text)]
    assert len(documents) > 30
    assert [error for document in documents for error in errors(document)] == []


def test_the_guide_needs_no_other_definition() -> None:
    """`kubectl apply` refuses a file with an unknown kind."""
    groups = {group for group, _, _ in VERSIONS}
    for file in GUIDE.glob("*.yaml"):
        for document in yaml.safe_load_all(file.read_text()):
            group, _, version = document["apiVersion"].rpartition("/")
            assert group not in groups or (group, document["kind"], version) in VERSIONS, file.name


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({}, "$.spec: 'rules' is a required property"),
        ({"rules": {}}, "$.spec.rules: {} is not of type 'array'"),
        ({"rules": [{"backendRefs": [{"name": ""}]}]}, "$.spec.rules[0].backendRefs[0].name: '' should be non-empty"),
        (
            {"rules": [{"backendRefs": [{"name": "a", "weight": -1}]}]},
            "$.spec.rules[0].backendRefs[0].weight: -1 is less than the minimum of 0",
        ),
        (
            {"rules": [{"matches": [{"headers": [{"name": "a", "value": "b", "type": "Prefix"}]}]}]},
            "$.spec.rules[0].matches[0].headers[0].type: 'Prefix' is not one of ['Exact', 'RegularExpression']",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_wrong_route_is_refused_at_apply(spec: dict[str, Any], error: str) -> None:
    document = {"apiVersion": "aigateway.envoyproxy.io/v1beta1", "kind": "AIGatewayRoute", "spec": spec}
    assert errors(document) == [error]


KEPT: dict[type, list[dict[str, Any]]] = {
    ai_gateway.SecurityPolicySpec: [
        {"type": "AWSCredentials", "awsCredentials": {}},
        {"type": "APIKey", "apiKey": {}},
        {"type": "GCPCredentials"},
    ],
    ai_gateway.AwsCredentials: [{}, {"credentialsFile": {}}, {"oidcExchangeToken": {}}],
    ai_gateway.RequestCostSpec: [{"type": "InputToken"}, {"type": "CEL", "cel": "input_tokens"}],
    infrastructure.BackendEndpoint: [{"fqdn": {}}, {"ip": {}}, {}],
    infrastructure.TlsValidation: [
        {"wellKnownCACertificates": "System"},
        {"wellKnownCACertificates": "", "caCertificateRefs": [{}]},
        {"wellKnownCACertificates": "System", "caCertificateRefs": []},
    ],
    security.ExtractFrom: [{"headers": ["a"]}, {"params": ["a"]}, {"cookies": ["a"]}],
    security.JwtProvider: [{"remoteJWKS": {}}, {"localJWKS": {}}],
    security.LocalJwks: [{}, {"type": "Inline"}, {"type": "ValueRef", "valueRef": {}}],
    security.ExtAuth: [{"grpc": {}}, {"http": {}}],
}
BROKEN: dict[type, list[dict[str, Any]]] = {
    ai_gateway.SecurityPolicySpec: [{"type": "AWSCredentials"}, {"type": "APIKey", "awsCredentials": {}}],
    ai_gateway.AwsCredentials: [{"credentialsFile": {}, "oidcExchangeToken": {}}],
    ai_gateway.RequestCostSpec: [{"type": "CEL"}],
    infrastructure.BackendEndpoint: [{"fqdn": {}, "ip": {}}],
    infrastructure.TlsValidation: [{"wellKnownCACertificates": "System", "caCertificateRefs": [{}]}],
    security.ExtractFrom: [{}, {"headers": ["a"], "params": ["b"]}],
    security.JwtProvider: [{}, {"remoteJWKS": {}, "localJWKS": {}}],
    security.LocalJwks: [{"type": "ValueRef"}, {"type": "Inline", "valueRef": {}}, {"valueRef": {}}],
    security.ExtAuth: [{}, {"grpc": {}, "http": {}}],
}


CEL = cel.NewEnv(variables={"self": cel.Type.DYN})


def broken(struct: type, value: dict[str, Any]) -> list[str]:
    values = {text: CEL.compile(rule).eval(data={"self": value}).value() for text, rule in RULES[struct].items()}
    assert set(values.values()) <= {True, False}
    return [text for text, holds in values.items() if not holds]


@pytest.mark.parametrize("struct", RULES, ids=lambda struct: struct.__name__)
def test_rules_hold_for_what_is_read_and_for_nothing_else(struct: type) -> None:
    assert [value for value in KEPT[struct] if broken(struct, value)] == []
    assert [value for value in BROKEN[struct] if len(broken(struct, value)) != 1] == []


def test_lists_whose_members_have_rules_have_a_limit() -> None:
    """The API server refuses a definition whose rules could cost too much."""
    ruled = [node for _, one in VERSIONS.items() for _, node in nodes(one["schema"]["openAPIV3Schema"])]
    lists = [node for node in ruled if "x-kubernetes-validations" in node.get("items", {})]
    assert lists
    assert all(node["maxItems"] <= 64 for node in lists)
