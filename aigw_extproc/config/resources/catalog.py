"""The catalog: every resource of a configuration, typed, by kind and name.

A duplicate is accepted when all fields with an effect are equal (the guide's files repeat each other); otherwise it
is a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeAlias, TypeVar, cast

from aigw_extproc.config.resources.ai_gateway import Resource
from aigw_extproc.config.resources.decode import decode, suggestion
from aigw_extproc.config.resources.documents import Document
from aigw_extproc.config.resources.findings import Findings, Place
from aigw_extproc.config.resources.infrastructure import MountedSecret
from aigw_extproc.config.resources.kinds import KINDS
from aigw_extproc.config.resources.names import is_resource_name
from aigw_extproc.config.resources.other_kinds import CLOSED_GROUPS, IGNORED, REFUSED

R = TypeVar("R", bound=Resource)
Key: TypeAlias = tuple[str, str]
"""(namespace, name)"""

_NAMES: Final = tuple(dict.fromkeys(kind for _, kind in (*IGNORED, *REFUSED, *KINDS)))
_MAX_COMPARED: Final = 100  # names; comparing takes 10 µs each, for every unresolved reference
_MISSPELT: Final = 0.85  # the similarity of names that differ by a letter or two
_NO_EFFECT: Final = "this kind has no effect here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Generic[R]):
    """A valid resource and its place."""

    place: Place
    resource: R

    @property
    def namespace(self) -> str:
        """`default` where none is given."""
        return self.resource.metadata.namespace

    @property
    def name(self) -> str:
        """Unique per kind and namespace."""
        return self.resource.metadata.name

    @property
    def key(self) -> Key:
        """The key in references to it."""
        return self.namespace, self.name


Mounts: TypeAlias = Mapping[tuple[str | None, str], Item[MountedSecret]]
"""Mounted Secrets by namespace (None for any) and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A reference from one resource to another, whether that exists or not."""

    place: Place
    """The field that refers."""
    kind: str
    key: Key


Permits = Callable[[str, str, Key], bool]
"""Takes the title of a resource (`Kind namespace/name`), and the kind and key of one in another namespace, and returns
whether the first may refer to the second."""


@dataclass(slots=True)
class Catalog:
    """Resources by kind, namespace and name. The item of a faulty resource is None."""

    items: dict[tuple[str, str, str], Item[Resource] | None] = field(default_factory=dict)
    complete: bool = True
    """False when some text could not be parsed: a missing resource may be in there."""
    mounts: Mounts = field(default_factory=dict)
    """Used for Secrets that are not among the items."""
    permits: Permits | None = None
    """Decides about references to other namespaces; None if all are allowed."""
    independent: bool = False
    """Whether a faulty resource only excludes itself, so that others are judged as if it were not there."""
    references: list[Reference] = field(default_factory=list)
    """Every reference that was followed."""

    def all(self, kind: type[R]) -> Iterator[Item[R]]:
        """Yield the valid resources of a kind, in the order of the files."""
        for item in self.items.values():
            if item is not None and isinstance(item.resource, kind):
                yield cast("Item[R]", item)

    def complete_for(self, *kinds: type[Resource]) -> bool:
        """Return whether every resource of these kinds is valid, so that an absent one is truly missing."""
        if self.independent:
            return True
        names = {_kind_name(kind) for kind in kinds}
        return self.complete and all(item is not None for key, item in self.items.items() if key[0] in names)

    def find(self, kind: type[R], key: Key, place: Place) -> Item[R] | None:
        """Return the resource `key`; None if it is faulty.

        None, with a problem at `place`, if there is none, or if it is in another namespace and may not be referred to.
        """
        name = _kind_name(kind)
        self.references.append(Reference(place=place, kind=name, key=key))
        if not self.permitted(name, key, place):
            return None
        if (name, *key) in self.items:
            return cast("Item[R] | None", self.items[name, *key])
        mounted = self.mounts.get(key) or self.mounts.get((None, key[1])) if name == "Secret" else None
        if mounted is None and self.complete:
            place.problem(f"there is no {name} '{key[0]}/{key[1]}'{self._suggestion(name, *key)}", "missing")
        return cast("Item[R] | None", mounted)

    def permitted(self, kind: str, key: Key, place: Place) -> bool:
        """Return whether `place` may refer to the resource `key`; if not, that is a problem there."""
        if self.permits is None or self.permits(place.resource, kind, key):
            return True
        place.problem(f"no ReferenceGrant in the namespace '{key[0]}' allows this reference", "forbidden")
        return False

    def _suggestion(self, kind: str, namespace: str, name: str) -> str:
        known = [key for key in self.items if key[0] == kind and all(map(is_resource_name, key[1:]))]
        elsewhere = [f"; did you mean '{key[1]}/{name}'?" for key in known if key[2] == name]
        if elsewhere:
            return elsewhere[0]
        names = [key[2] for key in known if key[1] == namespace]
        return suggestion(name, names) if len(names) <= _MAX_COMPARED else ""


def read(
    documents: Iterable[Document], findings: Findings, mounts: Mounts | None = None, *, into: Catalog | None = None
) -> Catalog:
    """Decode every document, and record what is wrong or without effect at its place."""
    catalog = into if into is not None else Catalog(mounts=mounts or {})
    for document in documents:
        _add(catalog, document)
    catalog.complete = catalog.complete and findings.complete
    findings.served.update(item.resource.kind for item in catalog.items.values() if item is not None)
    return catalog


def _kind_name(struct: type[Resource]) -> str:
    return next(kind for (_, kind), versions in KINDS.items() if struct in versions.values())


def _add(catalog: Catalog, document: Document) -> None:
    api_version, kind = document.value.get("apiVersion"), document.value.get("kind")
    for name, value in (("apiVersion", api_version), ("kind", kind)):
        if not isinstance(value, str):
            document.place.field(name).problem(f"expected text, got {document.place.show(value)}")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        _add_faulty(catalog, document)
        return
    group, _, version = api_version.rpartition("/")
    versions = KINDS.get((group, kind))
    if versions is None:
        _add_other(group, kind, document.place)
    elif version not in versions:
        supported = " or ".join(f"{group}/{known}".lstrip("/") for known in versions)
        shown = "this version" if document.place.secret else f"'{api_version}'"
        document.place.field("apiVersion").problem(f"{shown} is not supported; use {supported}")
        _add_faulty(catalog, document)
    else:
        _add_decoded(catalog, document, decode(document.value, versions[version], document.place))


def _add_other(group: str, kind: str, place: Place) -> None:
    """Record a kind that is not read: refused, ignored, or misspelt."""
    if (group, kind) in REFUSED:
        place.refuse(REFUSED[group, kind])
    elif (group, kind) in IGNORED:
        place.ignore(IGNORED[group, kind])
    elif group in CLOSED_GROUPS:
        place.field("kind").problem(f"there is no {kind} in {group}{suggestion(kind, _NAMES)}")
    elif kind not in _NAMES and (near := suggestion(kind, _NAMES, cutoff=_MISSPELT)):
        place.field("kind").problem(f"unknown in {group or 'v1'}{near}")
    elif near := suggestion(group, CLOSED_GROUPS, cutoff=_MISSPELT):
        place.field("apiVersion").problem(f"unknown group {group}{near}")
    else:
        place.ignore(_NO_EFFECT)


def _add_faulty(catalog: Catalog, document: Document) -> None:
    """Add a faulty resource, so that references to it are not reported as missing."""
    kind, metadata = document.value.get("kind"), document.value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if isinstance(kind, str) and isinstance(metadata, dict) and isinstance(name, str):
        catalog.items.setdefault((kind, str(metadata.get("namespace") or "default"), name), None)
    else:
        catalog.complete = False


def _add_decoded(catalog: Catalog, document: Document, resource: Resource | None) -> None:
    if resource is None:
        _add_faulty(catalog, document)
        return
    key = (resource.kind, resource.metadata.namespace, resource.metadata.name)
    known = catalog.items.get(key)
    if known is None:
        catalog.items[key] = Item(place=document.place, resource=resource)
    elif _same(known.resource, resource):
        document.place.ignore(f"repeats the resource in {known.place.file}")
    else:
        document.place.problem(f"already defined differently in {known.place.file}; rename or remove one")


def _same(one: Resource, other: Resource) -> bool:
    names = [name for name in one.__struct_fields__ if name not in ("api_version", "metadata")]
    return type(one) is type(other) and all(getattr(one, name) == getattr(other, name) for name in names)
