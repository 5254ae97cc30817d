"""Mistakes in JSON schemas, and keywords of earlier drafts, as draft 2020-12 has them.

Models validate schemas of tools against that draft, and refuse the whole request for one mistake.
https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aigw_extproc.translate.converse.schemas.walk import MANY, NAMED, ONE, Schema, noted, with_subschemas

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
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
    members = {name: value for name, value in schema.items() if value is not None or name in _VALUES}
    for repair in (_bounds, _tuple, _required, _types, _shapes):
        members = repair(members)
    return with_subschemas(members, _subschema)


def _subschema(schema: object) -> object:
    if isinstance(schema, bool):
        return schema
    if isinstance(schema, str):
        schema = {"type": schema}
    return mended(schema) if isinstance(schema, Mapping) else {}


def _bounds(schema: Schema) -> dict[str, object]:
    """Draft 4: `exclusiveMinimum: true` makes `minimum` exclusive."""
    members = dict(schema)
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(members.get(exclusive), bool) and members.pop(exclusive) and bound in members:
            members[exclusive] = members.pop(bound)
    return members


def _tuple(schema: Schema) -> dict[str, object]:
    """Earlier drafts: a list in `items` has the schemas of the first items, `additionalItems` that of the others."""
    members = dict(schema)
    others = members.pop("additionalItems", None)
    if isinstance(members.get("items"), list):
        first = members.pop("items")
        members |= {"prefixItems": first} if first else {}
        members |= {} if others is None else {"items": others}
    return members


def _required(schema: Schema) -> dict[str, object]:
    """Draft 3: `required: true` in a property. A single name stands for a list."""
    members, properties = dict(schema), schema.get("properties")
    own = members.get("required", [])
    names = [own] if isinstance(own, str) else own if isinstance(own, list) else []
    if isinstance(properties, Mapping):
        names += [
            name for name, value in properties.items() if isinstance(value, Mapping) and value.get("required") is True
        ]
    kept = list(dict.fromkeys(name for name in names if isinstance(name, str)))
    if "required" in members and not isinstance(own, list):
        del members["required"]
    return members | {"required": kept} if kept or isinstance(members.get("required"), list) else members


def _types(schema: Schema) -> dict[str, object]:
    """Types by the names of programming languages; a type that JSON does not have is left out."""
    if "type" not in schema:
        return dict(schema)
    value = schema["type"]
    names = value if isinstance(value, list) else [value]
    known = [ALIASES.get(name.lower()) if isinstance(name, str) else None for name in names]
    if None in known or "" in known or not known:
        members = {name: value for name, value in schema.items() if name != "type"}
        return noted(members, {"type": value} if None in known else {})
    kept = list(dict.fromkeys(known))
    return {**schema, "type": kept if isinstance(value, list) else kept[0]}


def _shapes(schema: Schema) -> dict[str, object]:
    """Keywords whose value is of the wrong type; objects that are empty lists are empty objects (PHP's encoder)."""
    members = {name: {} if name in NAMED and value == [] else value for name, value in schema.items()}
    wrong = {name: value for name, value in members.items() if name in _CHECKS and not _CHECKS[name](value)}
    return noted({name: value for name, value in members.items() if name not in wrong}, wrong)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_CHECKS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(NAMED, lambda value: isinstance(value, Mapping)),
    **dict.fromkeys(MANY, lambda value: isinstance(value, list) and bool(value)),
    **dict.fromkeys(ONE, lambda value: isinstance(value, bool | str | Mapping)),
    **dict.fromkeys(("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"), _number),
    **dict.fromkeys(
        ("maxItems", "maxLength", "minItems", "minLength", "maxProperties", "minProperties", "maxContains"), _count
    ),
    **dict.fromkeys(("$ref", "description", "format", "pattern", "title"), lambda value: isinstance(value, str)),
    "uniqueItems": lambda value: isinstance(value, bool),
    "enum": lambda value: isinstance(value, list),
}
"""Whether a value has the keyword's type."""
