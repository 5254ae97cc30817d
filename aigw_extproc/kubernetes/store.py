"""What is known of the API's resources: events in, changes out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from aigw_extproc.config.compile.attachments import Node
from aigw_extproc.kubernetes.kinds import BY_KIND, SERVICE, Kind

Json: TypeAlias = Mapping[str, Any]

_KEPT: Final = ("name", "namespace", "labels", "annotations", "creationTimestamp")
_COPY: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""An annotation with a copy of the resource, of a Secret too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What one watch covers: the resources of a kind in a namespace, or one of them."""

    kind: Kind
    namespace: str
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.kind.plural} in {self.namespace}" if self.name is None else self.title

    @property
    def title(self) -> str:
        """`Kind namespace/name`."""
        return f"{self.kind.name} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource as it is kept: without what has no influence, and with its status apart."""

    document: Json
    status: Json
    uid: str
    version: str
    generation: int

    @property
    def node(self) -> Node:
        """Its kind, namespace and name."""
        return self.document["kind"], self.document["metadata"]["namespace"], self.document["metadata"]["name"]


def precedence(resource: Resource) -> tuple[str, Node]:
    """Return a sort key: of two resources for one purpose the older counts, then the first by name.

    https://gateway-api.sigs.k8s.io/geps/gep-713/#conflict-resolution
    """
    return resource.document["metadata"].get("creationTimestamp", ""), resource.node


class Store:
    """The resources of every selection. A selection is known when it was listed once."""

    def __init__(self) -> None:
        self._known: dict[Selection, dict[str, Resource]] = {}

    def known(self, selection: Selection) -> bool:
        """Return whether a selection was listed."""
        return selection in self._known

    def replace(self, selection: Selection, objects: Iterable[Json], api_version: str) -> bool:
        """Take a list for all there is, and return whether what is served may have changed."""
        before = self._known.get(selection)
        resources = (_resource(each, selection.kind, api_version) for each in objects)
        after = self._known[selection] = {each.document["metadata"]["name"]: each for each in resources}
        return before is None or _documents(before) != _documents(after)

    def set(self, selection: Selection, value: Json, api_version: str) -> bool:
        """Take a new or changed resource, and return whether what is served may have changed."""
        resource = _resource(value, selection.kind, api_version)
        resources = self._known.setdefault(selection, {})
        before = resources.get(resource.document["metadata"]["name"])
        resources[resource.document["metadata"]["name"]] = resource
        return before is None or before.document != resource.document

    def remove(self, selection: Selection, value: Json) -> bool:
        """Take the end of a resource, and return whether it was known."""
        return self._known.get(selection, {}).pop(value["metadata"]["name"], None) is not None

    def forget(self, selection: Selection) -> None:
        """Forget a selection that nothing refers to any more."""
        self._known.pop(selection, None)

    def of(self, kind: str) -> Iterator[Resource]:
        """Yield the resources of a kind, in the order of precedence: the oldest first, then by name."""
        found = [each for key, ones in self._known.items() if key.kind.name == kind for each in ones.values()]
        yield from sorted(found, key=precedence)

    def find(self, node: Node) -> Resource | None:
        """Return one resource."""
        kind = BY_KIND[node[0]]
        selection = Selection(kind=kind, namespace=node[1], name=node[2] if kind.by_name else None)
        return self._known.get(selection, {}).get(node[2])


def _documents(resources: Mapping[str, Resource]) -> list[Json]:
    return [each.document for each in sorted(resources.values(), key=lambda each: each.node)]


def _resource(value: Json, kind: Kind, api_version: str) -> Resource:
    """Return a resource; the items of a list have neither `apiVersion` nor `kind`."""
    metadata = value["metadata"]
    kept = {name: metadata[name] for name in _KEPT if name in metadata}
    if _COPY in (kept.get("annotations") or {}):
        kept["annotations"] = {name: text for name, text in kept["annotations"].items() if name != _COPY}
    apart = {"apiVersion", "kind", "metadata"} | ({"status"} if kind != SERVICE else set())  # it has the addresses
    rest = {name: part for name, part in value.items() if name not in apart}
    return Resource(
        document={"apiVersion": api_version, "kind": kind.name, "metadata": kept, **rest},
        status=value.get("status") or {},
        uid=metadata.get("uid", ""),
        version=metadata.get("resourceVersion", ""),
        generation=metadata.get("generation", 0),
    )
