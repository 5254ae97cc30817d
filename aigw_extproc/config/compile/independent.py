"""Compilation of the resources of a cluster, where each has an author of its own: one that is wrong excludes itself.

Of files everything or nothing takes effect. Here a backend that cannot be used is missing from the rules that refer to
it, and a rule without a usable backend is closed: its requests are answered with an error, and never by another rule.
A wrong policy closes what it is attached to, since nobody knows what it would have allowed. That is Envoy Gateway's way
too: https://gateway.envoyproxy.io/docs/concepts/gateway_api_extensions/security-policy/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from aigw_extproc.config.compile.access import compile_access
from aigw_extproc.config.compile.asked_services import AskedServices
from aigw_extproc.config.compile.attachments import POLICIES, ROUTE, Node, node_of, selected, targets, title
from aigw_extproc.config.compile.configuration import Configuration, buffer_limit, trust_request_id, trusted_hops
from aigw_extproc.config.compile.costs import compile_global_costs
from aigw_extproc.config.compile.rules import checked_spec, compile_extras, compile_rule
from aigw_extproc.config.compile.services import Service, compile_services
from aigw_extproc.config.compile.signing import compile_signing
from aigw_extproc.config.compile.tls import compile_tls
from aigw_extproc.config.compile.traffic import compile_traffic
from aigw_extproc.config.compile.upstreams import compile_upstreams
from aigw_extproc.config.resources.ai_gateway import AIGatewayRoute, AIServiceBackend, RouteRule
from aigw_extproc.config.resources.catalog import Catalog, Item, Key, read
from aigw_extproc.config.resources.documents import Document
from aigw_extproc.config.resources.findings import Findings, Place
from aigw_extproc.config.resources.grants import permits
from aigw_extproc.config.snapshot import Rule, Snapshot
from aigw_extproc.errors import Problem

FILE: Final = "cluster"
"""What stands in a problem for the name of a file."""
_UNCONDITIONAL: Final = ("Gateway", "GatewayConfig")
"""The kinds of which a wrong one closes every route."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A configuration, and what was found about each of its resources."""

    configuration: Configuration
    problems: Mapping[Node, tuple[Problem, ...]]
    """Only of resources that have some."""
    closed: Mapping[Key, Problem]
    """The routes that a wrong policy closes, and what is wrong."""


def described(problem: Problem) -> str:
    """Return a problem as one line, without the place of a file."""
    return ": ".join(filter(None, (problem.resource, problem.path, problem.message)))


def node(resource: str) -> Node:
    """Return what a title names."""
    kind, _, name = resource.partition(" ")
    return (kind, *_pair(name))


def _pair(name: str) -> Key:
    namespace, _, rest = name.partition("/")
    return namespace, rest


def compile_independent(documents: Iterable[Mapping[str, Any]]) -> Judged:
    """Compile the resources of a cluster that one Gateway serves, in the order of precedence.

    ReferenceGrants among them decide about references to other namespaces.
    """
    findings = Findings()
    parsed = [_document(value, findings) for value in documents]
    grants = permits(each for each in parsed if each.value["kind"] == "ReferenceGrant")
    catalog = Catalog(permits=grants, independent=True)
    read((each for each in parsed if each.value["kind"] != "ReferenceGrant"), findings, into=catalog)
    compiled = _Compilation(catalog, findings, [each.value for each in parsed])
    rules = tuple(compiled.rules())
    snapshot = Snapshot(
        rules=rules,
        buffer_limit=compiled.buffer_limit,
        trusted_hops=compiled.trusted_hops,
        trust_request_id=compiled.trust_request_id,
    )
    problems: dict[Node, tuple[Problem, ...]] = defaultdict(tuple)
    for problem in dict.fromkeys(findings.problems):
        problems[node(problem.resource)] += (problem,)
    return Judged(
        configuration=Configuration(snapshot=snapshot, ignored=tuple(findings.ignored)),
        problems=problems,
        closed={key: reason for key in compiled.routes if (reason := compiled.closed_by(key)) is not None},
    )


def _document(value: Mapping[str, Any], findings: Findings) -> Document:
    secret = value["kind"] in ("Secret", "ConfigMap")
    return Document(place=Place(findings=findings, file=FILE, resource=title(value), secret=secret), value=value)


class _Compilation:
    """One compilation: the services, policies and routes, and which of them cannot be used."""

    def __init__(self, catalog: Catalog, findings: Findings, documents: list[Mapping[str, Any]]) -> None:
        self._catalog, self._findings = catalog, findings
        self._undecoded: dict[str, list[str]] = defaultdict(list)
        """The fields of each resource that could not be decoded, and so are missing in it."""
        for problem in findings.problems:
            self._undecoded[problem.resource].append(problem.path)
        tls = compile_tls(catalog)
        upstreams = compile_upstreams(catalog, tls.backends)
        self._services = compile_services(catalog, upstreams, compile_signing(catalog), tls.backends)
        asked = AskedServices(catalog=catalog, backends=upstreams, tls=tls.services)
        self._access, self._traffic = compile_access(catalog, asked), compile_traffic(catalog)
        self._costs = compile_global_costs(catalog)
        self.buffer_limit, self.trusted_hops = buffer_limit(catalog), trusted_hops(catalog)
        self.trust_request_id = trust_request_id(catalog)
        self._wrong = _wrong(catalog, findings, documents)
        self._policies_of_gateway = _attached_to_gateway(documents, self._wrong)
        self.routes = [item.key for item in catalog.all(AIGatewayRoute)]

    def closed_by(self, route: Key) -> Problem | None:
        """Return what is wrong with the policy that closes a route, if one does."""
        if (ROUTE, *route) in self._wrong:
            return self._wrong[ROUTE, *route]
        own = {
            "SecurityPolicy": route in self._access.routes,
            "BackendTrafficPolicy": route in self._traffic.policies.routes,
        }
        return next((problem for kind, problem in self._policies_of_gateway.items() if not own.get(kind, False)), None)

    def rules(self) -> Iterator[Rule]:
        """Yield the rules of every route that can match requests."""
        usable = {key: each for key, each in self._services.items() if self._is_usable(key, each)}
        for item in self._catalog.all(AIGatewayRoute):
            before = len(self._findings.problems)
            spec, extras = checked_spec(item), compile_extras(item, self._costs)
            faults = [problem.path for problem in self._findings.problems[before:]]
            faults += [path for path in self._undecoded[item.place.resource] if not path.startswith("spec.rules[")]
            if any(path.startswith("spec.hostnames") for path in faults):
                continue
            closed = bool(faults) or self.closed_by(item.key) is not None
            for index, rule in enumerate(spec.rules):
                yield from map(extras.apply, self._rule(item, index, rule, usable, closed=closed))

    def _is_usable(self, key: Key, service: Service) -> bool:
        """Return whether requests may be sent to a service: it is right, and they are signed where that is needed."""
        return (AIServiceBackend.__name__, *key) not in self._wrong and (service.auth is not None or not service.signed)

    def _rule(
        self,
        item: Item[AIGatewayRoute],
        index: int,
        rule: RouteRule,
        services: Mapping[Key, Service],
        *,
        closed: bool,
    ) -> Iterator[Rule]:
        """Yield the rule, closed if nothing of it can be used; nothing if what it matches is wrong."""
        before, path = len(self._findings.problems), f"spec.rules[{index}]."
        compiled = compile_rule(item, index, rule, self._catalog, services)
        self._name_unusable(item, index, rule, services)
        paths = [problem.path for problem in self._findings.problems[before:]]
        paths += [each for each in self._undecoded[item.place.resource] if each.startswith(path)]
        faults = [each.removeprefix(path) for each in paths]
        if any(fault.startswith("matches") for fault in faults):
            return
        broken = {fault.partition("]")[0] + "]" for fault in faults if fault.startswith("backendRefs[")}
        numbers = (backend.name.rpartition("/")[2] for backend in compiled.backends)
        pairs = zip(compiled.backends, numbers, strict=True)
        backends = tuple(backend for backend, number in pairs if f"backendRefs[{number}]" not in broken)
        others = [fault for fault in faults if not fault.startswith("backendRefs[")]
        if closed or others or not any(backend.weight for backend in backends):
            yield replace(compiled, backends=(), policy=None)
        else:
            policy = self._access.of(item.key)
            yield self._traffic.apply(item.key, replace(compiled, backends=backends, policy=policy))

    def _name_unusable(
        self, item: Item[AIGatewayRoute], index: int, rule: RouteRule, services: Mapping[Key, Service]
    ) -> None:
        """Record at a rule which of its existing services cannot be used: the reason is at the service."""
        for number, ref in enumerate(rule.backend_refs):
            key = (ref.namespace or item.namespace, ref.name)
            if key not in services and (AIServiceBackend.__name__, *key) in self._catalog.items:
                place = item.place.field("spec.rules").item(index).field("backendRefs").item(number).field("name")
                cause = self._wrong.get((AIServiceBackend.__name__, *key))
                reason = described(cause) if cause is not None else "its requests would not be signed"
                place.problem(f"cannot be used: {reason}", "unusable")


def _wrong(catalog: Catalog, findings: Findings, documents: list[Mapping[str, Any]]) -> dict[Node, Problem]:
    """Return every resource that is wrong, or depends on a wrong one, and what is wrong.

    Routes are only here for the policies attached to them: what their rules refer to is judged rule by rule.
    """
    lost = {(problem.resource, problem.path) for problem in findings.problems if problem.fault == "conflict"}
    dependents: dict[Node, list[Node]] = defaultdict(list)
    for reference in catalog.references:
        owner = node(reference.place.resource)
        if owner[0] != ROUTE and not reference.place.path.startswith("spec.targetRef"):
            dependents[reference.kind, *reference.key].append(owner)
    for document in documents:
        if document["kind"] in POLICIES:
            policy = title(document)
            kept = [target for target, path in targets(document) if (policy, path) not in lost]
            dependents[node_of(document)] += [*kept, *selected(document, documents)]
        elif document["kind"] == "GatewayConfig":
            dependents[node_of(document)] += [node_of(each) for each in documents if each["kind"] == "Gateway"]
    wrong: dict[Node, Problem] = {}
    pending = [(node(problem.resource), problem) for problem in findings.problems if _counts(problem)]
    while pending:
        one, cause = pending.pop()
        if one not in wrong:
            wrong[one] = cause
            pending += [(dependent, cause) for dependent in dependents[one]]
    return wrong


def _counts(problem: Problem) -> bool:
    """Return whether a problem makes its resource unusable.

    A policy for something that does not exist, or that has a policy already, is without effect there and harmless.
    """
    if problem.resource.startswith(ROUTE):
        return False
    return problem.fault != "conflict" and not (
        problem.fault == "missing" and problem.path.startswith(("spec.targetRef.", "spec.targetRefs["))
    )


def _attached_to_gateway(documents: list[Mapping[str, Any]], wrong: Mapping[Node, Problem]) -> dict[str, Problem]:
    """Return what is wrong with policies that are attached to the gateway, by kind; a wrong Gateway is among them."""
    found: dict[str, Problem] = {}
    for document in documents:
        kind, cause = document["kind"], wrong.get(node_of(document))
        if cause is None or (kind == "Gateway" and cause.resource != title(document)):  # a policy counts by itself
            continue
        attached = (*(target for target, _ in targets(document)), *selected(document, documents))
        if kind in _UNCONDITIONAL or (kind in POLICIES and any(target[0] == "Gateway" for target in attached)):
            found.setdefault(kind, cause)
    return found
