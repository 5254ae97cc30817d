"""Alternatives at the root of a tool's schema, folded into one object: Claude refuses them there, not below.

"input_schema does not support oneOf, allOf, or anyOf at the top level". Which properties belong together becomes text
in the description, for the model to read.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aigw_extproc.translate.converse.schemas.walk import Schema, noted, target

ALTERNATIVES = {"anyOf": "at least one of these is required", "oneOf": "exactly one of these is required"}
"""Keywords of alternatives, and what they mean for the properties that each alternative requires."""
_FOLDED = frozenset({"$ref", "allOf", *ALTERNATIVES})


def is_folded(schema: Schema) -> bool:
    """Return whether the root of a schema needs no folding."""
    return not _FOLDED & schema.keys()


def folded(schema: Schema) -> dict[str, object]:
    """Return the schema with the alternatives, and the reference, at its root written out."""
    return _Folding(schema).flat(schema)


class _Folding:
    """The folding of one document. Every reference is followed once."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._followed: dict[str, Schema] = {}

    def flat(self, schema: object) -> dict[str, object]:
        if not isinstance(schema, dict):
            return {}
        own = {name: value for name, value in schema.items() if name not in _FOLDED}
        parts: list[Schema] = [self.flat(part) for part in _list(schema.get("allOf"))]
        if isinstance(ref := schema.get("$ref"), str):
            parts.insert(0, self._follow(ref))
        flat = _all([own, *parts]) if parts else own
        for keyword in ALTERNATIVES:
            if keyword in schema:
                flat = _either(flat, [self.flat(part) for part in _list(schema[keyword])], keyword)
        return flat

    def _follow(self, ref: str) -> Schema:
        if ref not in self._followed:
            self._followed[ref] = {}  # a reference to itself adds nothing
            self._followed[ref] = self.flat(target(self._root, ref))
        return self._followed[ref]


def _all(schemas: Sequence[Schema]) -> dict[str, object]:
    """Return a schema for values that are valid against all schemas. Whether one is closed is left to the first."""
    merged: dict[str, object] = {}
    for index, schema in enumerate(schemas):
        for name, value in schema.items():
            if index == 0 or name != "additionalProperties":
                merged.setdefault(name, value)
    properties = {name: _one_or(found, "allOf") for name, found in _by_name(schemas).items()}
    return _with(merged, properties, [name for schema in schemas for name in _required(schema)])


def _either(schema: Schema, alternatives: Sequence[Schema], keyword: str) -> dict[str, object]:
    """Return a schema for values that are valid against the schema and one of the alternatives."""
    added = {name: _one_or(found, "anyOf") for name, found in _by_name(alternatives).items()}
    required = [_required(alternative) for alternative in alternatives]
    common = set(required[0]).intersection(*required) if required else set()
    first = [name for name in required[0] if name in common] if required else []
    result = _with(schema, added | _properties(schema), [*_required(schema), *first])
    rest = [[name for name in names if name not in common] for names in required]
    return noted(result, {ALTERNATIVES[keyword]: rest} if any(rest) else {})


def _with(schema: Schema, properties: Schema, required: Sequence[str]) -> dict[str, object]:
    result = dict(schema)
    if properties:
        result["properties"] = properties
    if required:
        result["required"] = list(dict.fromkeys(required))
    return result


def _by_name(schemas: Sequence[Schema]) -> dict[str, list[object]]:
    """Return the schemas of each property."""
    found: dict[str, list[object]] = {}
    for schema in schemas:
        for name, value in _properties(schema).items():
            found.setdefault(name, []).append(value)
    return found


def _one_or(schemas: Sequence[object], keyword: str) -> object:
    """Return the only schema, or else the different ones under a keyword."""
    different = {msgspec.json.encode(schema): schema for schema in schemas}
    return schemas[0] if len(different) == 1 else {keyword: list(different.values())}


def _properties(schema: Schema) -> dict[str, object]:
    value = schema.get("properties")
    return dict(value) if isinstance(value, dict) else {}


def _required(schema: Schema) -> list[str]:
    return [name for name in _list(schema.get("required")) if isinstance(name, str)]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
