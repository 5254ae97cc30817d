"""What the status of resources says: pure functions of what was read and of how it was compiled.

https://gateway-api.sigs.k8s.io/guides/implementers/#status-fields-and-conditions
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aigw_extproc.config.compile.attachments import ROUTE, Node
from aigw_extproc.config.compile.independent import Judged, described
from aigw_extproc.config.resources.ai_gateway import AI_GATEWAY
from aigw_extproc.config.resources.infrastructure import GATEWAY_API
from aigw_extproc.errors import Fault, Problem
from aigw_extproc.kubernetes.kinds import BY_KIND, CONFIG_MAP, SECRET
from aigw_extproc.kubernetes.scope import Scope, allows, listeners_of, references
from aigw_extproc.kubernetes.store import Json, Resource

CONTROLLER: Final = "aigw-extproc/gateway"
"""Our name in the status of policies, which several controllers write."""

_MOST: Final = 2000  # characters of a message, of 32768 that the API allows
_PER_ANCESTOR: Final = ("BackendTLSPolicy", "BackendTrafficPolicy", "ClientTrafficPolicy", "SecurityPolicy")
"""The kinds with a status for each gateway that they are for."""
_MAX_ANCESTORS: Final = 16
_UNRESOLVED: Final[Mapping[Fault, str]] = {
    "missing": "RefNotFound",
    "forbidden": "RefNotPermitted",
    "unusable": "RefNotUsable",
}
_NOT_ACCEPTED: Final[Mapping[Fault, str]] = {
    "conflict": "Conflicted",
    "unsupported": "UnsupportedValue",
    "invalid": "Invalid",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition before it has a time."""

    type: str
    status: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A status that has to be written."""

    resource: Resource
    status: Json
    """The fields of the status to replace."""
    rejections: tuple[Condition, ...]
    """The conditions that have become false, or are so for another reason than before."""


def changes(
    scope: Scope, judged: Judged, current: Iterable[Resource], addresses: list[Json] | None, now: str
) -> list[Change]:
    """Return every status that is not as it should be.

    `current` are the resources of the scope and those it rejects, with the status that the API has. `addresses` are of
    the gateway's Service, None if it was not asked for one. `now` is an RFC 3339 time.
    """
    found = (_change(resource, scope, judged, addresses, now) for resource in current)
    return [change for change in found if change is not None]


def _change(resource: Resource, scope: Scope, judged: Judged, addresses: list[Json] | None, now: str) -> Change | None:
    kind = resource.node[0]
    if kind not in BY_KIND or BY_KIND[kind].by_name or kind == "ReferenceGrant":
        return None
    wanted = list(conditions(resource, scope, judged))
    if kind == "Gateway":
        return _gateway_change(resource, wanted, scope, addresses, now)
    if kind in _PER_ANCESTOR:
        return _ancestor_change(resource, wanted, scope, now)
    merged, rejections = _merged(resource, resource.status.get("conditions"), wanted, now)
    return None if merged is None else Change(resource=resource, status={"conditions": merged}, rejections=rejections)


def conditions(resource: Resource, scope: Scope, judged: Judged) -> Iterator[Condition]:
    """Yield `Accepted` and `ResolvedRefs` of a resource."""
    refusal = scope.rejected.get(resource.node)
    if refusal is not None:
        yield Condition(type="Accepted", status=False, reason=refusal.reason, message=refusal.message)
        return
    problems = list(_problems(resource, judged))
    wrong = [problem for problem in problems if problem.fault in _NOT_ACCEPTED]
    closing = judged.closed.get(resource.node[1:]) if resource.node[0] == ROUTE else None
    if wrong:
        reason = next(reason for fault, reason in _NOT_ACCEPTED.items() if any(each.fault == fault for each in wrong))
        yield Condition(type="Accepted", status=False, reason=reason, message=_text(resource, wrong))
    elif closing is not None:
        message = f"its requests are answered with an error, since this policy is wrong: {described(closing)}"
        yield Condition(type="Accepted", status=False, reason="ClosedByPolicy", message=message[:_MOST])
    else:
        yield Condition(type="Accepted", status=True, reason="Accepted", message="The gateway uses it.")
    unresolved = [problem for problem in problems if problem.fault in _UNRESOLVED]
    if unresolved:
        reason = _UNRESOLVED[unresolved[0].fault]
        yield Condition(type="ResolvedRefs", status=False, reason=reason, message=_text(resource, unresolved))
    else:
        message = "Everything that it refers to exists and can be used."
        yield Condition(type="ResolvedRefs", status=True, reason="ResolvedRefs", message=message)


def _problems(resource: Resource, judged: Judged) -> Iterator[Problem]:
    """Yield the problems of a resource, and of the Secrets and ConfigMaps that it refers to: those have no status."""
    yield from (problem for problem in judged.problems.get(resource.node, ()) if not of_another(problem))
    for node in references(resource.document):
        if node[0] in (SECRET.name, CONFIG_MAP.name):
            yield from judged.problems.get(node, ())


def of_another(problem: Problem) -> bool:
    """Return whether a problem is none here: a policy's target that is not known is another gateway's."""
    return problem.fault == "missing" and problem.path.startswith("spec.targetRef")


def _text(resource: Resource, problems: Iterable[Problem]) -> str:
    own = "{} {}/{}: ".format(*resource.node)
    return "\n".join(described(problem).removeprefix(own) for problem in problems)[:_MOST]


# --- the shapes of a status -------------------------------------------------------------------------------------


def _merged(
    resource: Resource, before: object, wanted: list[Condition], now: str
) -> tuple[list[Json] | None, tuple[Condition, ...]]:
    """Return the conditions with ours as wanted, None if nothing differs; and those that became false."""
    old = {each["type"]: each for each in before if isinstance(each, dict)} if isinstance(before, list) else {}
    result: dict[str, Json] = dict(old)
    rejections: list[Condition] = []
    for condition in wanted:
        known = old.get(condition.type, {})
        values: dict[str, Any] = {
            "type": condition.type,
            "status": "True" if condition.status else "False",
            "reason": condition.reason,
            "message": condition.message,
            "observedGeneration": resource.generation,
        }
        if {name: known.get(name) for name in values} == values:
            continue
        same = known.get("status") == values["status"]
        result[condition.type] = {**values, "lastTransitionTime": known["lastTransitionTime"] if same else now}
        if not condition.status and not (same and known.get("message") == condition.message):
            rejections.append(condition)
    return (None if result == old else list(result.values())), tuple(rejections)


def _ancestor_change(resource: Resource, wanted: list[Condition], scope: Scope, now: str) -> Change | None:
    """Return the change of the entry for our gateway; the entries of others stay."""
    if scope.gateway is None:
        return None
    ancestor = {
        "group": GATEWAY_API,
        "kind": "Gateway",
        "namespace": scope.gateway.node[1],
        "name": scope.gateway.node[2],
    }
    entries = [each for each in resource.status.get("ancestors") or () if isinstance(each, dict)]
    ours = [each for each in entries if _is_ours(each, ancestor)]
    others = [each for each in entries if not _is_ours(each, ancestor)]
    merged, rejections = _merged(resource, ours[0].get("conditions") if ours else None, wanted, now)
    if merged is None or len(others) >= _MAX_ANCESTORS:
        return None
    entry = {"ancestorRef": ancestor, "controllerName": CONTROLLER, "conditions": merged}
    return Change(resource=resource, status={"ancestors": [*others, entry]}, rejections=rejections)


def _is_ours(entry: Mapping[str, Any], ancestor: Mapping[str, str]) -> bool:
    return entry.get("controllerName") == CONTROLLER and entry.get("ancestorRef") == ancestor


def _gateway_change(
    resource: Resource, wanted: list[Condition], scope: Scope, addresses: list[Json] | None, now: str
) -> Change | None:
    accepted = wanted[0]
    programmed = _programmed(accepted, addresses)
    merged, rejections = _merged(resource, resource.status.get("conditions"), [accepted, programmed], now)
    listeners = _listeners(resource, scope, programmed, now)
    status: dict[str, Any] = {} if merged is None else {"conditions": merged}
    if listeners != resource.status.get("listeners", []):
        status["listeners"] = listeners
    if (addresses or []) != resource.status.get("addresses", []):
        status["addresses"] = addresses or []
    return Change(resource=resource, status=status, rejections=rejections) if status else None


def _programmed(accepted: Condition, addresses: list[Json] | None) -> Condition:
    if not accepted.status:
        return Condition(type="Programmed", status=False, reason="Invalid", message=accepted.message)
    if addresses is not None and not addresses:
        message = "Its Service has no address yet."
        return Condition(type="Programmed", status=False, reason="AddressNotAssigned", message=message)
    message = "The gateway has read everything that it serves."
    return Condition(type="Programmed", status=True, reason="Programmed", message=message)


def _listeners(gateway: Resource, scope: Scope, programmed: Condition, now: str) -> list[Json]:
    before = {each.get("name"): each for each in gateway.status.get("listeners") or ()}
    routes = [each for each in scope.resources if each.node[0] == ROUTE]
    wanted = [
        Condition(type="Accepted", status=True, reason="Accepted", message="The gateway listens for it."),
        programmed,
        Condition(
            type="ResolvedRefs", status=True, reason="ResolvedRefs", message="It refers to nothing that is read."
        ),
    ]
    found: list[Json] = []
    for listener in listeners_of(gateway):
        known = before.get(listener.get("name"), {})
        merged, _ = _merged(gateway, known.get("conditions"), wanted, now)
        found.append(
            {
                "name": listener.get("name"),
                "attachedRoutes": sum(allows(listener, route, gateway) for route in routes),
                "supportedKinds": [{"group": AI_GATEWAY, "kind": ROUTE}],
                "conditions": known["conditions"] if merged is None else merged,
            }
        )
    return found


def service_addresses(service: Resource | None) -> list[Json]:
    """Return the addresses of a Service, for the status of a Gateway."""
    if service is None:
        return []
    ingress = (service.document.get("status") or {}).get("loadBalancer", {}).get("ingress") or ()
    spec = service.document.get("spec") or {}
    found = [("Hostname", each["hostname"]) for each in ingress if each.get("hostname")]
    found += [("IPAddress", each["ip"]) for each in ingress if each.get("ip")]
    if not found and spec.get("type", "ClusterIP") != "LoadBalancer":
        found = [("IPAddress", address) for address in spec.get("clusterIPs") or () if address != "None"]
    return [{"type": kind, "value": value} for kind, value in found]


def event(change: Change, condition: Condition, name: str, now: str) -> Json:
    """Return the Event that tells of a rejection."""
    kind, namespace, own = change.resource.node
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "apiVersion": change.resource.document["apiVersion"],
            "kind": kind,
            "namespace": namespace,
            "name": own,
            "uid": change.resource.uid,
        },
        "type": "Warning",
        "reason": condition.reason,
        "message": condition.message[:1000],
        "source": {"component": "aigw-extproc"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def path_of(node: Node, api_version: str) -> str:
    """Return the path of a resource."""
    return BY_KIND[node[0]].path(api_version.rpartition("/")[2], node[1], node[2])
