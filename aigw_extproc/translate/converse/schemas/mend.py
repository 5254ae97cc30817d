"""Mistakes in JSON schemas, and keywords of earlier drafts, as draft 2020-12 has them.

Models validate schemas of tools against that draft, and refuse the whole request for one mistake.
https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

from collections.abc import Callable

from aigw_extproc.translate.converse.schemas.walk import MANY, NAMED, ONE, Schema, noted, with_subschemas

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
ALIASES = {
    "any": "",
    "bool": "boolean",
    "dict": "object",
    "double": "number",
    "float": "number",
    "int": "integer",
    "list": "array",
    "long": "integer",
    "map": "object",
    "none": "null",
    "str": "string",
    "text": "string",
    "tuple": "array",
} | {name: name for name in TYPES}
"""JSON's types by the names that languages have for them; any type is the empty name."""

_VALUES = frozenset({"default", "const", "enum", "examples"})
"""Keywords in whose values null is a value."""


def mended(schema: Schema) -> dict[str, object]:
    """Return a schema that is valid in draft 2020-12.

    A keyword whose value cannot be repaired becomes text in the description.
    """
    members = schema
    if None in schema.values():
        members = {name: value for name, value in schema.items() if value is not None or name in _VALUES}
    for repair in (_bounds, _tuple, _required, _types, _shapes):
        members = repair(members)
    return with_subschemas(members, _subschema)


def _subschema(schema: object) -> object:
    if isinstance(schema, bool):
        return schema
    if isinstance(schema, str):
        schema = {"type": schema}
    return mended(schema) if isinstance(schema, dict) else {}


# Each of these returns a schema without the fault as it is: large requests have tens of thousands of schemas.


def _bounds(schema: Schema) -> Schema:
    """Draft 4: `exclusiveMinimum: true` makes `minimum` exclusive."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(exclusive), bool):
            members = dict(schema)
            if members.pop(exclusive) and bound in members:
                members[exclusive] = members.pop(bound)
            schema = members
    return schema


def _tuple(schema: Schema) -> Schema:
    """Earlier drafts: a list in `items` has the schemas of the first items, `additionalItems` that of the others."""
    if not isinstance(schema.get("items"), list) and "additionalItems" not in schema:
        return schema
    members = dict(schema)
    others = members.pop("additionalItems", None)
    if isinstance(members.get("items"), list):
        first = members.pop("items")
        members |= {"prefixItems": first} if first else {}
        members |= {} if others is None else {"items": others}
    return members


def _required(schema: Schema) -> Schema:
    """Draft 3: `required: true` in a property. A single name stands for a list."""
    own, properties = schema.get("required", []), schema.get("properties")
    given = own if isinstance(own, list) else [own]
    kept = [name for name in given if isinstance(name, str)]
    if isinstance(properties, dict):
        kept += [
            name for name, value in properties.items() if isinstance(value, dict) and value.get("required") is True
        ]
    kept = list(dict.fromkeys(kept))
    if kept == own:
        return schema
    members = {name: value for name, value in schema.items() if name != "required"}
    return members | {"required": kept} if kept or isinstance(schema.get("required"), list) else members


def _types(schema: Schema) -> Schema:
    """Types by the names of programming languages; a type that JSON does not have is left out."""
    value = schema.get("type", "object")
    if isinstance(value, str) and value in TYPES:
        return schema
    names = value if isinstance(value, list) else [value]
    known = [ALIASES.get(name.lower()) if isinstance(name, str) else None for name in names]
    if None in known or "" in known or not known:
        members = {name: value for name, value in schema.items() if name != "type"}
        return noted(members, {"type": value} if None in known else {})
    kept = list(dict.fromkeys(known))
    return {**schema, "type": kept if isinstance(value, list) else kept[0]}


def _shapes(schema: Schema) -> Schema:
    """Keywords whose value is of the wrong type; objects that are empty lists are empty objects (PHP's encoder)."""
    wrong = {name: value for name, value in schema.items() if name in _CHECKS and not _CHECKS[name](value)}
    if not wrong:
        return schema
    empty: dict[str, object] = {name: {} for name, value in wrong.items() if name in NAMED and value == []}
    members = {name: empty.get(name, value) for name, value in schema.items() if name in empty or name not in wrong}
    return noted(members, {name: value for name, value in wrong.items() if name not in empty})


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_CHECKS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(NAMED, lambda value: isinstance(value, dict)),
    **dict.fromkeys(MANY, lambda value: isinstance(value, list) and bool(value)),
    **dict.fromkeys(ONE, lambda value: isinstance(value, bool | str | dict)),
    **dict.fromkeys(("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"), _number),
    **dict.fromkeys(
        ("maxItems", "maxLength", "minItems", "minLength", "maxProperties", "minProperties", "maxContains"), _count
    ),
    **dict.fromkeys(("$ref", "description", "format", "pattern", "title"), lambda value: isinstance(value, str)),
    "uniqueItems": lambda value: isinstance(value, bool),
    "enum": lambda value: isinstance(value, list),
}
"""Whether a value has the keyword's type."""
