"""What policies are attached to: routes, or the gateway. A route's policy replaces the gateway's for its rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from aigw_extproc.config.resources.ai_gateway import AI_GATEWAY, AIGatewayRoute, ObjectRef
from aigw_extproc.config.resources.catalog import Catalog, Item, Key
from aigw_extproc.config.resources.findings import Place
from aigw_extproc.config.resources.infrastructure import GATEWAY_API, Gateway
from aigw_extproc.config.resources.security import SecurityPolicy
from aigw_extproc.config.resources.traffic import BackendTrafficPolicy

_ROUTES: Final = ((GATEWAY_API, "HTTPRoute"), (AI_GATEWAY, "AIGatewayRoute"))

PolicyItem = Item[SecurityPolicy] | Item[BackendTrafficPolicy]


class Named(Protocol):
    """A compiled policy."""

    @property
    def name(self) -> str:
        """`namespace/name`."""


P = TypeVar("P", bound=Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached(Generic[P]):
    """The policy of each route that has one, and the gateway's for all others."""

    routes: Mapping[Key, P]
    gateway: P | None

    def of(self, route: Key) -> P | None:
        """Return the policy of a route's rules, if there is one."""
        return self.routes.get(route, self.gateway)


def attach(policies: Iterable[tuple[PolicyItem, P]], catalog: Catalog) -> Attached[P]:
    """Return policies of one kind by their targets, each of which takes one."""
    attached: dict[Key | None, P] = {}
    for item, policy in policies:
        for target, place in _targets(item, catalog):
            if target in attached:
                kind = item.resource.kind
                place.problem(f"{kind} '{attached[target].name}' is already attached to it; keep one", "conflict")
            else:
                attached[target] = policy
    gateway = attached.pop(None, None)
    return Attached(routes={key: policy for key, policy in attached.items() if key is not None}, gateway=gateway)


def _targets(item: PolicyItem, catalog: Catalog) -> Iterator[tuple[Key | None, Place]]:
    """Yield the routes that a policy is attached to, None for the gateway."""
    spec, place = item.resource.spec, item.place.field("spec")
    refs = [(ref, place.field("targetRefs").item(index)) for index, ref in enumerate(spec.target_refs)]
    if spec.target_ref is not None:
        refs.append((spec.target_ref, place.field("targetRef")))
    if not refs:
        place.field("targetRefs").problem("must name a Gateway, HTTPRoute or AIGatewayRoute")
    for ref, where in refs:
        yield from _target(item.namespace, ref, where, catalog)


def _target(namespace: str, ref: ObjectRef, place: Place, catalog: Catalog) -> Iterator[tuple[Key | None, Place]]:
    key, kind = (namespace, ref.name), (ref.group or GATEWAY_API, ref.kind)
    if ref.section_name is not None:
        place.field("sectionName").problem("not supported: a policy is for all rules of a route, or for all routes")
    elif ref.namespace not in (None, namespace):
        place.field("namespace").problem("a policy and its target must be in the same namespace")
    elif kind == (GATEWAY_API, "Gateway"):
        if catalog.find(Gateway, key, place.field("name")) is not None:
            yield None, place
    elif kind in _ROUTES or (ref.group, ref.kind) == (None, "AIGatewayRoute"):
        # An AIGatewayRoute is an HTTPRoute of the same name in Envoy AI Gateway.
        if catalog.find(AIGatewayRoute, key, place.field("name")) is not None:
            yield key, place
    else:
        place.field("kind").problem(f"must be Gateway, HTTPRoute or AIGatewayRoute, got {place.show(ref.kind)}")
