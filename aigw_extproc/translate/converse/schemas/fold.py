"""Alternatives at the root of a tool's schema, folded into one object: Claude refuses them there, not below.

"input_schema does not support oneOf, allOf, or anyOf at the top level". Which properties belong together becomes text
in the description, for the model to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
        if not isinstance(schema, Mapping):
            return {}
        flat = {name: value for name, value in schema.items() if name not in _FOLDED}
        if isinstance(ref := schema.get("$ref"), str):
            flat = _both(flat, self._follow(ref))
        for part in _list(schema.get("allOf")):
            flat = _both(flat, self.flat(part))
        for keyword in ALTERNATIVES:
            if keyword in schema:
                flat = _either(flat, [self.flat(part) for part in _list(schema[keyword])], keyword)
        return flat

    def _follow(self, ref: str) -> Schema:
        if ref not in self._followed:
            self._followed[ref] = {}  # a reference to itself adds nothing
            self._followed[ref] = self.flat(target(self._root, ref))
        return self._followed[ref]


def _both(schema: Schema, other: Schema) -> dict[str, object]:
    """Return a schema for values that are valid against both. Whether one is closed is left to the first."""
    own, more = _properties(schema), _properties(other)
    both = {name: {"allOf": [own[name], more[name]]} for name in own.keys() & more.keys() if own[name] != more[name]}
    added = {name: value for name, value in other.items() if name not in {*schema, "additionalProperties"}}
    return _with({**schema, **added}, own | more | both, [*_required(schema), *_required(other)])


def _either(schema: Schema, alternatives: Sequence[Schema], keyword: str) -> dict[str, object]:
    """Return a schema for values that are valid against the schema and one of the alternatives."""
    own = _properties(schema)
    names = dict.fromkeys(name for alternative in alternatives for name in _properties(alternative))
    added = {
        name: _any(_properties(other)[name] for other in alternatives if name in _properties(other)) for name in names
    }
    required = [list(_required(alternative)) for alternative in alternatives]
    common = [name for name in required[0] if all(name in names for names in required)] if required else []
    result = _with(schema, added | own, [*_required(schema), *common])
    rest = [[name for name in names if name not in common] for names in required]
    return noted(result, {ALTERNATIVES[keyword]: rest} if any(rest) else {})


def _with(schema: Schema, properties: Schema, required: Sequence[str]) -> dict[str, object]:
    result = dict(schema)
    if properties:
        result["properties"] = properties
    if required:
        result["required"] = list(dict.fromkeys(required))
    return result


def _any(schemas: Iterable[object]) -> object:
    different: list[object] = []
    for schema in schemas:
        if schema not in different:
            different.append(schema)
    return different[0] if len(different) == 1 else {"anyOf": different}


def _properties(schema: Schema) -> dict[str, object]:
    value = schema.get("properties")
    return dict(value) if isinstance(value, Mapping) else {}


def _required(schema: Schema) -> list[str]:
    return [name for name in _list(schema.get("required")) if isinstance(name, str)]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
