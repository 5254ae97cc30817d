"""References written out, for families that refuse `$defs` and `$ref` in the schema of a tool."""

from __future__ import annotations

import msgspec

from aigw_extproc.translate.converse.schemas.walk import Schema, noted, target, with_subschemas

MAX_BYTES = 256 * 1024
"""Of JSON that references add to one schema: definitions that use each other twice grow exponentially."""
DEFINITIONS = frozenset({"$defs", "definitions"})


_encode = msgspec.json.Encoder().encode


class TooLarge(Exception):
    """The schema would grow by more than `MAX_BYTES`."""


def inlined(schema: Schema) -> dict[str, object]:
    """Return the schema without references. One that leads back to itself, or nowhere, becomes a description.

    Raises:
        TooLarge: it would grow by more than `MAX_BYTES`.
    """
    return _Inlining(schema).written(schema, frozenset({"#"}))


class _Inlining:
    """The inlining of one document."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = MAX_BYTES

    def written(self, schema: Schema, above: frozenset[str]) -> dict[str, object]:
        """Return a schema in which no reference is left; `above` are those that lead to it."""
        members = {name: value for name, value in schema.items() if name not in DEFINITIONS}
        ref = members.pop("$ref", None)
        own = with_subschemas(members, lambda inner: self.written(inner, above) if isinstance(inner, dict) else inner)
        return {**self._followed(ref, above), **own} if isinstance(ref, str) else own

    def _followed(self, ref: str, above: frozenset[str]) -> dict[str, object]:
        found = None if ref in above else target(self._root, ref)
        if not isinstance(found, dict):
            return noted({}, {"$ref": ref})
        self._left -= len(_encode(found))
        if self._left < 0:
            raise TooLarge
        return self.written(found, above | {ref})
