"""ReferenceGrants: which resources may refer to those of another namespace.

https://gateway-api.sigs.k8s.io/api-types/referencegrant/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from aigw_extproc.config.resources.ai_gateway import Name, Resource, ResourcePart
from aigw_extproc.config.resources.catalog import Key, Permits
from aigw_extproc.config.resources.decode import decode
from aigw_extproc.config.resources.documents import Document
from aigw_extproc.config.resources.kinds import KINDS

GROUPS: Final = {kind: group for group, kind in KINDS} | {"Service": ""}
"""The API group of each kind that refers or is referred to."""


class GrantFrom(ResourcePart, frozen=True, kw_only=True):
    """`from`: who may refer."""

    group: str
    kind: Name
    namespace: Name


class GrantTo(ResourcePart, frozen=True, kw_only=True):
    """`to`: what may be referred to; without a name, all of this kind."""

    group: str
    kind: Name
    name: str | None = None


class GrantSpec(ResourcePart, frozen=True, kw_only=True):
    """`spec` of ReferenceGrant."""

    from_: tuple[GrantFrom, ...] = msgspec.field(name="from")
    to: tuple[GrantTo, ...]


class ReferenceGrant(Resource, frozen=True, kw_only=True):
    """A permission of a namespace to refer to its resources from others."""

    spec: GrantSpec


def permits(documents: Iterable[Document]) -> Permits:
    """Return the decision of ReferenceGrants; a faulty one, whose problems are recorded, allows nothing."""
    allowed: set[tuple[str, str, str, str, str | None]] = set()
    for document in documents:
        grant = decode(document.value, ReferenceGrant, document.place)
        for source in grant.spec.from_ if grant is not None else ():
            for to in grant.spec.to if grant is not None else ():
                if GROUPS.get(source.kind) == source.group and GROUPS.get(to.kind) == to.group:
                    namespace = grant.metadata.namespace if grant is not None else ""
                    allowed.add((source.kind, source.namespace, namespace, to.kind, to.name or None))

    def may_refer(title: str, kind: str, key: Key) -> bool:
        own_kind, _, own_name = title.partition(" ")
        namespace = own_name.partition("/")[0]
        if namespace == key[0]:
            return True
        return any((own_kind, namespace, key[0], kind, name) in allowed for name in (None, key[1]))

    return may_refer
