"""What statuses say, as a pure function of what was read and compiled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aigw_extproc.config.compile.independent import compile_independent
from aigw_extproc.kubernetes.scope import scope_of
from aigw_extproc.kubernetes.status import CONTROLLER, Change, changes, event, service_addresses
from aigw_extproc.kubernetes.store import Store
from tests.kubernetes.documents import gateway, keys_in, policy, route, secret, service, to
from tests.kubernetes.test_scope import NAME, stored

NOW, LATER = "2026-11-28T09:00:00Z", "2026-11-28T10:00:00Z"
GOOD = (gateway(), *service("good", 80), route("a", to("good", "nova")))
TRUE = [
    {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "The gateway uses it."},
    {
        "type": "ResolvedRefs",
        "status": "True",
        "reason": "ResolvedRefs",
        "message": "Everything that it refers to exists and can be used.",
    },
]


def wanted(store: Store, addresses: list[Any] | None = None, now: str = NOW) -> dict[str, Change]:
    scope = scope_of(store, NAME)
    current = [each for kind in ("Gateway", "AIGatewayRoute", *OTHERS) for each in store.of(kind)]
    found = changes(scope, compile_independent(scope.documents), current, addresses, now)
    return {f"{each.resource.node[0]} {each.resource.node[2]}": each for each in found}


OTHERS = ("AIServiceBackend", "Backend", "BackendSecurityPolicy", "SecurityPolicy", "Secret")


def timed(conditions: list[dict[str, Any]], now: str = NOW) -> list[dict[str, Any]]:
    return [{**each, "observedGeneration": 0, "lastTransitionTime": now} for each in conditions]


def test_all_that_is_right_is_accepted() -> None:
    found = wanted(stored(*GOOD))
    assert set(found) == {
        *("Gateway envoy-ai-gateway-basic", "AIGatewayRoute a", "AIServiceBackend good", "Backend good"),
        "BackendSecurityPolicy good",
    }
    assert found["AIGatewayRoute a"].status == {"conditions": timed(TRUE)}
    assert [each.rejections for each in found.values()] == [()] * 5


def test_nothing_is_written_twice() -> None:
    store = stored(*GOOD, policy("p", ("AIGatewayRoute", "a"), apiKeyAuth=keys_in("team")), secret("team", a="key"))
    for change in wanted(store).values():
        document = dict(change.resource.document)
        stored({**document, "status": {**change.resource.status, **change.status}}, into=store)
    assert wanted(store, now=LATER) == {}


def test_a_condition_keeps_its_time_until_it_turns() -> None:
    store = stored(*GOOD)
    before = timed([{**TRUE[0], "message": "An older text."}, TRUE[1], {"type": "Theirs", "status": "True"}])
    stored({**route("a", to("good", "nova")), "status": {"conditions": before}}, into=store)
    changed = wanted(store, now=LATER)["AIGatewayRoute a"].status["conditions"]
    assert changed == [*timed(TRUE), before[2]]
    stored({**route("a", to("nothing", "nova")), "status": {"conditions": timed(TRUE)}}, into=store)
    broken = wanted(store, now=LATER)["AIGatewayRoute a"]
    assert [each["lastTransitionTime"] for each in broken.status["conditions"]] == [NOW, LATER]
    assert [each.type for each in broken.rejections] == ["ResolvedRefs"]


def test_the_problems_of_a_secret_are_told_where_it_is_used() -> None:
    store = stored(*GOOD)
    stored(secret("good", credentials="not a file"), into=store)
    found = wanted(store)["BackendSecurityPolicy good"].status["conditions"][0]
    assert (found["status"], found["reason"]) == ("False", "Invalid")
    assert found["message"].startswith("Secret default/good: stringData.credentials: not a valid credentials file")


def test_a_policy_has_an_entry_for_our_gateway_beside_those_of_others() -> None:
    theirs = {"ancestorRef": {"name": "another"}, "controllerName": "another.example/controller", "conditions": []}
    mine = policy("p", ("AIGatewayRoute", "a"), apiKeyAuth=keys_in("team"))
    store = stored(*GOOD, {**mine, "status": {"ancestors": [theirs]}}, secret("team", a="key"))
    first, entry = wanted(store)["SecurityPolicy p"].status["ancestors"]
    assert first == theirs
    assert (entry["controllerName"], entry["ancestorRef"]["name"]) == (CONTROLLER, NAME.name)
    assert entry["conditions"] == timed(TRUE)


@pytest.mark.parametrize(
    ("addresses", "programmed"),
    [(None, "True"), ([], "False"), ([{"type": "IPAddress", "value": "10.0.0.1"}], "True")],
)
def test_a_gateway_is_programmed_when_its_service_has_an_address(addresses: Any, programmed: str) -> None:
    status = wanted(stored(*GOOD), addresses)["Gateway envoy-ai-gateway-basic"].status
    found = {each["type"]: each["status"] for each in status["conditions"]}
    assert found == {"Accepted": "True", "Programmed": programmed}
    assert status.get("addresses", []) == (addresses or [])
    (listener,) = status["listeners"]
    assert (listener["name"], listener["attachedRoutes"]) == ("http", 1)


@pytest.mark.parametrize(
    ("spec", "ingress", "expected"),
    [
        ({"type": "LoadBalancer", "clusterIPs": ["10.0.0.1"]}, [], []),
        ({"type": "LoadBalancer"}, [{"hostname": "lb.example"}], [{"type": "Hostname", "value": "lb.example"}]),
        ({"clusterIPs": ["10.0.0.1"]}, [], [{"type": "IPAddress", "value": "10.0.0.1"}]),
        ({"clusterIPs": ["None"]}, [], []),
    ],
)
def test_the_addresses_of_a_service(spec: Any, ingress: Any, expected: Any) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "gateway"},
        "spec": spec,
        "status": {"loadBalancer": {"ingress": ingress}},
    }
    (found,) = stored(document).of("Service")
    assert service_addresses(found) == expected


def test_a_route_that_no_listener_allows_is_told_so() -> None:
    named = route("a", to("good", "nova"))
    named["spec"]["parentRefs"][0]["sectionName"] = "https"
    change = wanted(stored(gateway(), named))["AIGatewayRoute a"]
    (condition,) = change.rejections
    assert (condition.reason, condition.message) == ("NoMatchingParent", "the Gateway has no listener 'https'")
    told = event(replace(change), condition, "a.1", NOW)
    assert (told["involvedObject"]["name"], told["type"], told["reason"]) == ("a", "Warning", "NoMatchingParent")
