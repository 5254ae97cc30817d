"""What of a cluster one Gateway serves, as a pure function of what the API has."""

from __future__ import annotations

from typing import Any

import pytest

from aigw_extproc.config.compile.independent import compile_independent
from aigw_extproc.kubernetes.kinds import BY_KIND
from aigw_extproc.kubernetes.options import GatewayName
from aigw_extproc.kubernetes.scope import Refusal, Scope, references, scope_of
from aigw_extproc.kubernetes.store import Selection, Store
from tests.kubernetes.documents import gateway, keys_in, policy, ref, route, rule, secret, service, to

Document = dict[str, Any]
NAME = GatewayName(namespace="default", name="envoy-ai-gateway-basic")


def stored(*documents: Document, namespace: str = "default", into: Store | None = None) -> Store:
    store = into or Store()
    for document in documents:
        kind = BY_KIND[document["kind"]]
        name = document["metadata"]["name"] if kind.by_name else None
        metadata = {"creationTimestamp": "2026-01-01T00:00:00Z", **document["metadata"], "namespace": namespace}
        selection = Selection(kind=kind, namespace=namespace, name=name)
        store.set(selection, {**document, "metadata": metadata}, document["apiVersion"])
    return store


def names(scope: Scope) -> list[str]:
    return [f"{each.node[0]} {each.node[2]}" for each in scope.resources]


def wanted(scope: Scope) -> set[str]:
    return {each.title for each in scope.wanted}


def test_its_routes_and_all_that_they_need() -> None:
    store = stored(
        *(gateway(), *service("good", 80), *service("unused", 80), route("a", to("good", "nova"))),
        *(route("theirs", to("unused", "nova"), gateway="another"), policy("p", ("AIGatewayRoute", "theirs"))),
    )
    scope = scope_of(store, NAME)
    assert names(scope) == [
        "AIGatewayRoute a",
        "AIServiceBackend good",
        "Backend good",
        "BackendSecurityPolicy good",
        "Gateway envoy-ai-gateway-basic",
        "Secret good",
    ]
    assert wanted(scope) == {"Secret default/good"}


def test_what_is_referred_to_is_wanted_before_it_exists() -> None:
    guarded = policy("p", ("Gateway", NAME.name), apiKeyAuth=keys_in("team"))
    assert wanted(scope_of(stored(gateway(), guarded), NAME)) == {"Secret default/team"}


def test_every_reference_that_compilation_follows_is_known_before() -> None:
    guarded = policy("p", ("Gateway", NAME.name), apiKeyAuth=keys_in("team"))
    documents = [gateway(), *service("good", 80), route("a", to("good", "nova")), guarded, secret("team", a="key")]
    scope = scope_of(stored(*documents), NAME)
    found = {node for document in scope.documents for node in references(document)}
    assert compile_independent(scope.documents).problems == {}
    assert {node for node in found if node[0] == "Secret"} == {
        ("Secret", "default", "good"),
        ("Secret", "default", "team"),
    }


@pytest.mark.parametrize(("of_class", "served"), [("aigw", True), ("another", False)])
def test_a_gateway_of_another_class_is_another_controllers(of_class: str, served: bool) -> None:
    name = GatewayName(namespace="default", name=NAME.name, gateway_class="aigw")
    scope = scope_of(stored(gateway(of_class=of_class), route("a")), name)
    assert (scope.gateway is not None, "AIGatewayRoute a" in names(scope)) == (served, served)


@pytest.mark.parametrize(
    ("allowed", "reason"),
    [
        ({}, "no listener of the Gateway allows routes of the namespace 'team'"),
        ({"from": "All"}, None),
        ({"from": "Selector", "selector": {}}, "no listener of the Gateway allows routes of the namespace 'team'"),
    ],
)
def test_a_route_of_another_namespace_needs_a_listener_that_allows_it(allowed: Document, reason: str | None) -> None:
    theirs = route("a", to("good", "nova"))
    theirs["spec"]["parentRefs"][0]["namespace"] = "default"
    store = stored(gateway(allowedRoutes={"namespaces": allowed}))
    scope = scope_of(stored(theirs, namespace="team", into=store), NAME)
    refusal = scope.rejected.get(("AIGatewayRoute", "team", "a"))
    assert (refusal.message if refusal is not None else None) == reason
    assert ("AIGatewayRoute a" in names(scope)) is (reason is None)


def test_a_route_for_a_listener_that_does_not_exist_is_rejected() -> None:
    named = route("a", to("good", "nova"))
    named["spec"]["parentRefs"][0]["sectionName"] = "https"
    scope = scope_of(stored(gateway(), named), NAME)
    refusal = Refusal(reason="NoMatchingParent", message="the Gateway has no listener 'https'")
    assert scope.rejected == {("AIGatewayRoute", "default", "a"): refusal}


def test_the_older_of_two_policies_comes_first() -> None:
    old, new = policy("z", ("AIGatewayRoute", "a")), policy("b", ("AIGatewayRoute", "a"))
    old["metadata"]["creationTimestamp"] = "2025-01-01T00:00:00Z"
    scope = scope_of(stored(gateway(), route("a", to("good", "nova")), new, old), NAME)
    assert [name for name in names(scope) if name.startswith("Sec")] == ["SecurityPolicy z", "SecurityPolicy b"]


def test_namespaces_that_are_not_watched_are_not_asked_for_secrets() -> None:
    theirs = policy("p", ("Gateway", NAME.name))
    theirs["spec"]["apiKeyAuth"] = {"credentialRefs": [{"name": "team", "namespace": "elsewhere"}]}
    assert wanted(scope_of(stored(gateway(), theirs), NAME)) == set()


def test_a_copy_of_the_resource_in_an_annotation_is_not_kept() -> None:
    document = secret("team", a="key")
    document["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "…", "kept": "x"}
    (found,) = stored(document).of("Secret")
    assert found.document["metadata"]["annotations"] == {"kept": "x"}


def test_a_change_of_status_alone_changes_nothing_that_is_served() -> None:
    store, one = stored(gateway()), gateway()
    selection = Selection(kind=BY_KIND["Gateway"], namespace="default")
    metadata = {**one["metadata"], "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"}
    changed = {**one, "metadata": {**metadata, "resourceVersion": "7"}, "status": {"addresses": []}}
    assert store.set(selection, changed, one["apiVersion"]) is False
    found = store.find(NAME.node)
    assert found is not None
    assert (found.version, found.status) == ("7", {"addresses": []})


def test_a_rule_may_refer_to_backends_of_another_namespace() -> None:
    store = stored(*service("shared", 80), namespace="models")
    mine = route("a", rule(ref("shared", namespace="models"), model="nova"))
    name = GatewayName(namespace="default", name=NAME.name, namespaces=("models",))
    scope = scope_of(stored(gateway(), mine, into=store), name)
    assert wanted(scope) == {"Secret models/shared"}


@pytest.mark.parametrize("spec", [None, [], "text", {"parentRefs": "text"}, {"parentRefs": [1], "targetRefs": [{}]}])
@pytest.mark.parametrize("kind", ["AIGatewayRoute", "SecurityPolicy", "AIServiceBackend"])
def test_whatever_an_author_writes_others_are_served(kind: str, spec: Any) -> None:
    odd = {"apiVersion": "aigateway.envoyproxy.io/v1beta1", "kind": kind, "metadata": {"name": "odd"}, "spec": spec}
    store = stored(gateway(), *service("good", 80), route("a", to("good", "nova")), odd)
    assert "AIGatewayRoute a" in names(scope_of(store, NAME))
