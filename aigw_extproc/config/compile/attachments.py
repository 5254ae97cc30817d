"""What policies are attached to, as the API holds it: whatever else is wrong with a policy, this must be known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

Node: TypeAlias = tuple[str, str, str]
"""(kind, namespace, name)"""

ROUTE: Final = "AIGatewayRoute"
POLICIES: Final = (
    "BackendSecurityPolicy",
    "BackendTLSPolicy",
    "BackendTrafficPolicy",
    "ClientTrafficPolicy",
    "SecurityPolicy",
)
"""The kinds that are attached to others by `targetRefs`."""


def title(document: Mapping[str, Any]) -> str:
    """Return `Kind namespace/name` of a resource of the API."""
    return "{} {}/{}".format(*node_of(document))


def node_of(document: Mapping[str, Any]) -> Node:
    """Return the kind, namespace and name of a resource of the API."""
    metadata = document["metadata"]
    return document["kind"], metadata.get("namespace", ""), metadata["name"]


def targets(document: Mapping[str, Any]) -> Iterator[tuple[Node, str]]:
    """Yield what a policy names as its targets, and the path of each field."""
    spec, namespace = mapping(document.get("spec")), document["metadata"].get("namespace", "")
    fields = [("spec.targetRef", spec.get("targetRef"))]
    fields += [(f"spec.targetRefs[{index}]", ref) for index, ref in enumerate(listed(spec.get("targetRefs")))]
    for path, ref in fields:
        if isinstance(ref, dict) and isinstance(ref.get("name"), str):
            yield (_kind(ref), namespace, ref["name"]), path


def selected(document: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> Iterator[Node]:
    """Yield what a policy selects by labels, and what it may select by expressions, which are not evaluated here."""
    spec, namespace = mapping(document.get("spec")), document["metadata"].get("namespace", "")
    selectors = [mapping(each) for each in listed(spec.get("targetSelectors"))]
    for other in others if selectors else ():
        labels = mapping(other["metadata"].get("labels"))
        same = other["metadata"].get("namespace", "") == namespace
        if same and any(
            _kind(each) == other["kind"] and mapping(each.get("matchLabels")).items() <= labels.items()
            for each in selectors
        ):
            yield node_of(other)


def _kind(ref: Mapping[str, Any]) -> str:
    """Return the kind of a target; an AIGatewayRoute is an HTTPRoute of the same name in Envoy AI Gateway."""
    return ROUTE if ref.get("kind") == "HTTPRoute" else str(ref.get("kind"))


def mapping(value: object) -> Mapping[str, Any]:
    """Return a field that should be a mapping, empty if it is none: the author of a resource may write anything."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """Return a field that should be a list, likewise."""
    return value if isinstance(value, list) else []
