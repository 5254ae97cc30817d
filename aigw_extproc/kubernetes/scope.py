"""What of the API's resources one Gateway serves: its routes, and all that they need. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aigw_extproc.config.compile.attachments import POLICIES, ROUTE, Node, listed, mapping, selected, targets
from aigw_extproc.config.resources.infrastructure import GATEWAY_API
from aigw_extproc.kubernetes.kinds import BY_KIND, CONFIG_MAP, SECRET, SERVICE
from aigw_extproc.kubernetes.options import GatewayName
from aigw_extproc.kubernetes.store import Json, Resource, Selection, Store, precedence

GATEWAY_CONFIG: Final = "aigateway.envoyproxy.io/gateway-config"
"""The annotation of a Gateway that names its GatewayConfig."""

_SECRETS: Final = ("secretRef", "credentialRefs", "clientSecret", "users")
_BACKENDS: Final = ("backendRef", "backendRefs")
_CERTIFICATES: Final = ("caCertificateRefs", "caCertRefs", "valueRef")
_DEFAULT_KIND: Final[Mapping[str, str]] = (
    dict.fromkeys(_SECRETS, SECRET.name)
    | dict.fromkeys(_BACKENDS, SERVICE.name)
    | dict.fromkeys(_CERTIFICATES, CONFIG_MAP.name)
)
"""The fields with references, and the kind that they mean where they name none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a Gateway does not take a route: a reason of the Gateway API, and a text."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Everything that a Gateway serves."""

    gateway: Resource | None
    """None if there is no such Gateway, or it is another controller's."""
    resources: tuple[Resource, ...] = ()
    """In the order of precedence."""
    wanted: frozenset[Selection] = frozenset()
    """The resources to be read by name."""
    rejected: Mapping[Node, Refusal] = field(default_factory=dict)
    """Routes that name the Gateway, and why it does not take them."""

    @property
    def documents(self) -> list[Json]:
        """What is compiled."""
        return [each.document for each in self.resources]


def scope_of(store: Store, name: GatewayName) -> Scope:
    """Return what a Gateway serves of everything that is known."""
    gateway = store.find(name.node)
    if gateway is None or name.gateway_class not in (
        None,
        mapping(gateway.document.get("spec")).get("gatewayClassName"),
    ):
        return Scope(gateway=None)
    routes, rejected = _routes(store, gateway)
    config = (gateway.document["metadata"].get("annotations") or {}).get(GATEWAY_CONFIG, "")
    configs = filter(None, (store.find(("GatewayConfig", name.namespace, config)),))
    chosen, wanted = _closed(store, (gateway, *routes, *configs))
    by_name = {
        Selection(kind=BY_KIND[kind], namespace=space, name=one) for kind, space, one in wanted if space in name.watched
    }
    if name.service_node is not None:
        _, space, one = name.service_node
        by_name.add(Selection(kind=SERVICE, namespace=space, name=one))
    served = sorted(chosen.values(), key=precedence)
    return Scope(
        gateway=gateway,
        resources=(*store.of("ReferenceGrant"), *served),
        wanted=frozenset(by_name),
        rejected=rejected,
    )


class _Neighbours:
    """What belongs to a resource: what it refers to, and the policies attached to it."""

    def __init__(self, store: Store) -> None:
        self.wanted: set[Node] = set()
        """The Secrets and ConfigMaps that were met."""
        self._store = store
        policies = [each for kind in POLICIES for each in store.of(kind)]
        self._selecting = [each for each in policies if mapping(each.document.get("spec")).get("targetSelectors")]
        self._by_target: dict[Node, list[Resource]] = {}
        for policy in policies:
            for target, _ in targets(policy.document):
                self._by_target.setdefault(target, []).append(policy)

    def of(self, resource: Resource) -> Iterator[Resource]:
        """Yield what belongs to a resource, as far as it is known."""
        yield from self._by_target.get(resource.node, ())
        yield from (each for each in self._selecting if any(selected(each.document, [resource.document])))
        for node in references(resource.document):
            if node[0] == SERVICE.name:  # Envoy finds it by DNS; a BackendTLSPolicy may be attached to it
                yield from self._by_target.get(node, ())
            elif node[0] in BY_KIND:
                yield from filter(None, (self._store.find(node),))
                if BY_KIND[node[0]].by_name:
                    self.wanted.add(node)


def _closed(store: Store, chosen: Iterable[Resource]) -> tuple[dict[Node, Resource], set[Node]]:
    """Return some resources with all that belongs to them, and the Secrets and ConfigMaps to read."""
    neighbours, found = _Neighbours(store), {each.node: each for each in chosen}
    pending = list(found.values())
    while pending:
        for each in neighbours.of(pending.pop()):
            if each.node not in found:
                found[each.node] = each
                pending.append(each)
    return found, neighbours.wanted


def references(document: Json) -> Iterator[Node]:
    """Yield what a resource refers to, by the names of its fields."""
    namespace = document["metadata"].get("namespace", "")
    for field_name, ref in _refs(document.get("spec")):
        kind = ref.get("kind") or ("AIServiceBackend" if document["kind"] == ROUTE else _DEFAULT_KIND[field_name])
        space, name = ref.get("namespace") or namespace, ref.get("name")
        if isinstance(kind, str) and isinstance(space, str) and isinstance(name, str):
            yield kind, space, name


def _refs(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, list):
        for each in value:
            yield from _refs(each)
    for name, part in value.items() if isinstance(value, dict) else ():
        if name in _DEFAULT_KIND:
            yield from ((name, each) for each in (part if isinstance(part, list) else [part]) if isinstance(each, dict))
        yield from _refs(part)


# --- routes of the gateway --------------------------------------------------------------------------------------


def _routes(store: Store, gateway: Resource) -> tuple[list[Resource], dict[Node, Refusal]]:
    accepted: list[Resource] = []
    rejected: dict[Node, Refusal] = {}
    for route in store.of(ROUTE):
        parents = [ref for ref in parent_refs(route.document) if names_gateway(ref, route.document, gateway)]
        reasons = [_refusal(ref, route, gateway) for ref in parents]
        if None in reasons:
            accepted.append(route)
        elif parents:
            rejected[route.node] = next(filter(None, reasons))
    return accepted, rejected


def parent_refs(route: Json) -> list[Mapping[str, Any]]:
    """Return what a route names as its gateways; `targetRefs` is the older field."""
    spec = mapping(route.get("spec"))
    refs = [*listed(spec.get("parentRefs")), *listed(spec.get("targetRefs"))]
    return [ref for ref in refs if isinstance(ref, dict)]


def names_gateway(ref: Mapping[str, Any], route: Json, gateway: Resource) -> bool:
    """Return whether a reference of a route means the Gateway."""
    kind = (ref.get("group", GATEWAY_API), ref.get("kind", "Gateway"))
    node = ("Gateway", ref.get("namespace") or route["metadata"].get("namespace", ""), ref.get("name"))
    return kind == (GATEWAY_API, "Gateway") and node == gateway.node


def _refusal(ref: Mapping[str, Any], route: Resource, gateway: Resource) -> Refusal | None:
    """Return why the Gateway does not take a route that names it, None if it does."""
    listeners = [
        each
        for each in listeners_of(gateway)
        if ref.get("sectionName") in (None, each.get("name")) and ref.get("port") in (None, each.get("port"))
    ]
    if not listeners:
        named = ref.get("sectionName") or ref.get("port") or "any"
        return Refusal(reason="NoMatchingParent", message=f"the Gateway has no listener '{named}'")
    if any(allows(listener, route, gateway) for listener in listeners):
        return None
    message = f"no listener of the Gateway allows routes of the namespace '{route.node[1]}'"
    return Refusal(reason="NotAllowedByListeners", message=message)


def listeners_of(gateway: Resource) -> list[Mapping[str, Any]]:
    """Return the listeners of a Gateway."""
    return [mapping(each) for each in listed(mapping(gateway.document.get("spec")).get("listeners"))]


def allows(listener: Mapping[str, Any], route: Resource, gateway: Resource) -> bool:
    """Return whether a listener takes routes of this route's namespace; a selector of namespaces takes none here."""
    namespaces = mapping(mapping(listener.get("allowedRoutes")).get("namespaces"))
    allowed = namespaces.get("from", "Same")
    return allowed == "All" or (allowed == "Same" and route.node[1] == gateway.node[1])


def selections(name: GatewayName, kinds: Iterable[Any]) -> list[Selection]:
    """Return what is read always."""
    return [Selection(kind=kind, namespace=namespace) for namespace in name.watched for kind in kinds]
