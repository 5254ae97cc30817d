"""Resources of a cluster: a wrong one excludes itself, and a wrong policy closes what it is attached to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aigw_extproc.config.compile.independent import Judged, compile_independent, described
from aigw_extproc.config.snapshot import RoutedModel
from aigw_extproc.errors import RouteClosed
from aigw_extproc.routing import Router
from tests.gateway.resources import credentials_file, traffic_policy
from tests.kubernetes.documents import gateway, keys_in, policy, ref, route, rule, secret, service, to

Document = dict[str, Any]


def placed(*documents: Document, namespace: str = "default") -> list[Document]:
    """Return documents as the API has them: each with a namespace."""
    return [{**each, "metadata": {"namespace": namespace, **each["metadata"]}} for each in documents]


SOUND = placed(gateway(), *service("good", 80), *service("other", 80), route("a", to("good", "nova")))


def judged(*documents: Document, base: list[Document] = SOUND) -> Judged:
    return compile_independent([*base, *placed(*documents)])


def served(result: Judged) -> dict[str, int]:
    """The number of usable backends of each rule."""
    rules = result.configuration.snapshot.rules
    return {rule.name.removeprefix("default/").replace("/rule/", "/"): len(rule.backends) for rule in rules}


def models_of(listed: tuple[RoutedModel, ...]) -> list[str]:
    return [model.id for model in listed]


def said(result: Judged, *node: str) -> list[str]:
    return [f"{each.fault}: {each.path}: {each.message}" for each in result.problems.get((*node,), ())]  # type: ignore[arg-type]


def test_what_is_right_is_served() -> None:
    result = judged()
    assert (served(result), result.problems, result.closed) == ({"a/0": 1}, {}, {})


def test_nothing_is_a_configuration_too() -> None:
    assert served(judged(base=[])) == {}


def test_a_route_that_cannot_be_read_excludes_itself() -> None:
    wrong = route("b", to("good", "claude"))
    wrong["spec"]["rules"][0]["backendRef"] = "typo"
    result = judged(wrong)
    assert served(result) == {"a/0": 1}
    assert said(result, "AIGatewayRoute", "default", "b") == [
        "invalid: spec.rules[0].backendRef: unknown field; did you mean 'backendRefs'?"
    ]


def test_a_rule_without_a_usable_backend_is_closed_and_no_other_rule_takes_its_requests() -> None:
    result = judged(route("b", to("nothing", "claude"), rule(ref("good"))))
    assert served(result) == {"a/0": 1, "b/0": 0, "b/1": 1}
    router = Router(result.configuration.snapshot)
    with pytest.raises(RouteClosed) as closed:
        router.choose("claude", {})
    assert (closed.value.status, closed.value.code, closed.value.param) == (500, "gateway_misconfigured", "model")
    assert router.select("anything", {}, 0).name.startswith("default/good/")
    everything = router.listed.of(result.configuration.snapshot.rules)
    for models in (everything, router.models({})):
        assert ("nova" in models_of(models), "claude" in models_of(models)) == (True, False)


def test_of_two_backends_the_usable_one_is_left() -> None:
    result = judged(route("b", rule(ref("nothing"), ref("good"), model="claude")))
    (kept,) = result.configuration.snapshot.rules[1].backends
    assert kept.service == "default/good"


def test_a_rule_whose_matches_are_wrong_matches_nothing() -> None:
    assert served(judged(route("b", rule(ref("good"), model="~("), to("good", "claude")))) == {"a/0": 1, "b/1": 1}


def _broken_secret() -> Document:
    return secret("good", credentials="not a file")


def _unnamed_region() -> Document:
    changed = service("good", 80)[1]
    changed["spec"]["awsCredentials"]["region"] = "nowhere"
    return changed


def _unknown_field() -> Document:
    changed = service("good", 80)[1]
    changed["spec"]["credentails"] = {}
    return changed


def _no_endpoint() -> Document:
    changed = service("good", 80)[2]
    changed["spec"]["endpoints"] = []
    return changed


@pytest.mark.parametrize("change", [_broken_secret, _unnamed_region, _unknown_field, _no_endpoint])
def test_what_a_backend_needs_closes_its_rules_when_it_is_wrong(change: Callable[[], Document]) -> None:
    (changed,) = placed(change())
    same = lambda each: (each["kind"], each["metadata"]["name"]) == (changed["kind"], changed["metadata"]["name"])  # noqa: E731
    base = [changed if same(each) else each for each in SOUND]
    result = judged(route("b", to("other", "claude")), base=base)
    assert served(result) == {"a/0": 0, "b/0": 1}
    (problem,) = result.problems["AIGatewayRoute", "default", "a"]
    assert (problem.fault, problem.path) == ("unusable", "spec.rules[0].backendRefs[0].name")
    assert f"{changed['kind']} default/good: " in problem.message


def test_a_wrong_tls_policy_never_means_cleartext() -> None:
    targets = [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "good"}]
    tls = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "BackendTLSPolicy",
        "metadata": {"name": "tls"},
        "spec": {"targetRefs": targets, "validation": {"hostname": "a.example", "unknown": 1}},
    }
    assert served(judged(tls)) == {"a/0": 0}


def test_a_field_that_cannot_be_read_is_not_left_out() -> None:
    wrong = route("b", to("good", "one"), to("good", "two"))
    wrong["spec"]["rules"][1]["backendRefs"][0]["modelNameOverride"] = 5
    assert served(judged(wrong)) == {"a/0": 1, "b/0": 1, "b/1": 0}


def test_a_routes_author_cannot_close_other_routes() -> None:
    """Envoy's filters are the same for all: a policy of a route that wants others is the wrong one."""
    base = policy("p", ("Gateway", "envoy-ai-gateway-basic"), cors={"allowOrigins": ["https://a.example"]})
    own = policy("q", ("AIGatewayRoute", "b"), apiKeyAuth=keys_in("team"))
    result = judged(route("b", to("other", "claude")), secret("team", alice="alices-key"), base, own)
    assert served(result) == {"a/0": 1, "b/0": 0}


WRONG = {"apiKeyAuth": keys_in("nowhere")}


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([policy("p", ("AIGatewayRoute", "a"), **WRONG)], {"a/0": 0, "b/0": 1}),
        ([policy("p", ("HTTPRoute", "a"), typo=1)], {"a/0": 0, "b/0": 1}),
        ([policy("p", ("Gateway", "envoy-ai-gateway-basic"), **WRONG)], {"a/0": 0, "b/0": 0}),
        (
            [
                policy("p", ("Gateway", "envoy-ai-gateway-basic"), **WRONG),
                policy("q", ("AIGatewayRoute", "a"), apiKeyAuth=keys_in("team")),
            ],
            {"a/0": 1, "b/0": 0},
        ),
        (
            [policy("p", ("AIGatewayRoute", "elsewhere"), ("AIGatewayRoute", "a"), apiKeyAuth=keys_in("team"))],
            {"a/0": 1, "b/0": 1},
        ),
        (
            [
                policy("p", ("AIGatewayRoute", "a"), apiKeyAuth=keys_in("team")),
                policy("q", ("AIGatewayRoute", "a"), **WRONG),
            ],
            {"a/0": 1, "b/0": 1},
        ),
        ([traffic_policy("a", retry={"perRetry": {"timeout": "soon"}})], {"a/0": 0, "b/0": 1}),
        ([traffic_policy("a", rateLimit={})], {"a/0": 0, "b/0": 1}),
    ],
    ids=["route", "unreadable", "gateway", "replaced", "target-elsewhere", "conflict", "traffic", "limits"],
)
def test_a_wrong_policy_closes_its_targets(policies: list[Document], expected: dict[str, int]) -> None:
    result = judged(route("b", to("other", "claude")), secret("team", alice="alices-key"), *policies)
    assert served(result) == expected
    assert set(result.closed) == {("default", name.partition("/")[0]) for name, count in expected.items() if not count}


def test_a_policy_that_selects_by_labels_closes_what_it_may_select() -> None:
    labelled = route("b", to("good", "claude"))
    labelled["metadata"]["labels"] = {"team": "a"}
    selecting = policy("p", **WRONG)
    selecting["spec"]["targetSelectors"] = [{"kind": "AIGatewayRoute", "matchLabels": {"team": "a"}}]
    assert served(judged(labelled, selecting)) == {"a/0": 1, "b/0": 0}


def test_a_client_policy_that_would_let_everyone_in_closes_the_gateway() -> None:
    limit = {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "ClientTrafficPolicy",
        "metadata": {"name": "door"},
        "spec": {
            "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "envoy-ai-gateway-basic"}],
            "tls": {"clientValidation": {}},
        },
    }
    assert served(judged(limit)) == {"a/0": 0}


GRANT = {
    "apiVersion": "gateway.networking.k8s.io/v1beta1",
    "kind": "ReferenceGrant",
    "metadata": {"name": "for-routes", "namespace": "models"},
    "spec": {
        "from": [{"group": "aigateway.envoyproxy.io", "kind": "AIGatewayRoute", "namespace": "default"}],
        "to": [{"group": "aigateway.envoyproxy.io", "kind": "AIServiceBackend"}],
    },
}


@pytest.mark.parametrize("granted", [False, True])
def test_another_namespace_must_allow_references(granted: bool) -> None:
    elsewhere = placed(*service("shared", 80), namespace="models")
    documents = [*elsewhere, route("b", rule(ref("shared", namespace="models"), model="claude"))]
    result = judged(*documents, *([GRANT] if granted else []))
    assert served(result)["b/0"] == granted
    reason = "no ReferenceGrant in the namespace 'models' allows this reference"
    refusal = [f"forbidden: spec.rules[0].backendRefs[0].name: {reason}"]
    assert said(result, "AIGatewayRoute", "default", "b") == ([] if granted else refusal)


def test_no_problem_shows_a_secret() -> None:
    canary = credentials_file("AKIDCANARY", "canary value")
    documents = [secret("good", credentials=canary), policy("p", ("AIGatewayRoute", "a"), apiKeyAuth=keys_in("keys"))]
    base = [each for each in SOUND if each["kind"] != "Secret"]
    result = judged(*documents, secret("keys", alice="canary, key"), base=base)
    texts = [described(problem) for problems in result.problems.values() for problem in problems]
    assert served(result) == {"a/0": 0}
    assert len(texts) >= 2
    assert "canary" not in " ".join(texts).lower()
