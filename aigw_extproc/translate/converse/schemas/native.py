"""Schemas that the model is bound to: of strict tools, and of native structured output.

Every object is closed, and a schema can neither be recursive nor leave the names of properties open.
https://platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema limitations"
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from aigw_extproc.translate.converse.schemas.walk import Schema, noted, subschemas, target, with_subschemas

UNENFORCED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)
"""Keywords that are refused; they become text in the description, for the model to read."""
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
"""Formats that are enforced; others become text too."""
UNSUPPORTED = frozenset(
    {"patternProperties", "propertyNames", "unevaluatedProperties", "dependentSchemas", "dependentRequired"}
    | {"if", "then", "else", "not", "contains", "prefixItems"}
)
"""Keywords without which a schema means something else."""
_LOOKS_AROUND = re.compile(r"\(\?(?!:)|\\[1-9bB]")
"""Parts of a regular expression that are not supported: look-around, references back, word boundaries."""


class _CannotBind(Exception):
    """The schema needs what native output does not support."""


def bound(schema: Schema) -> Schema | None:
    """Return the schema as native output takes it; None if it cannot take it without a change of meaning.

    Only schemas are rewritten; a property called `minimum` stays.
    """
    try:
        _require_no_recursion(schema, schema, frozenset(), set())
        return _closed(schema)
    except (_CannotBind, RecursionError):  # references can lead deeper than the text is nested
        return None


def _closed(schema: object) -> dict[str, object]:
    if not isinstance(schema, dict) or UNSUPPORTED & schema.keys() or _has_values_of_objects(schema):
        raise _CannotBind
    unenforced = {name: schema[name] for name in (*UNENFORCED, "pattern", "format") if _is_unenforced(schema, name)}
    members = noted({name: value for name, value in schema.items() if name not in unenforced}, unenforced)
    if "oneOf" in members and "anyOf" not in members:
        members["anyOf"] = members.pop("oneOf")
    if _is_object(members):
        if members.get("additionalProperties", False) is not False or "properties" not in members:
            raise _CannotBind
        members["additionalProperties"] = False
    return with_subschemas(members, lambda value: value if value is False else _closed(value))


def _is_unenforced(schema: Schema, name: str) -> bool:
    if name == "pattern":
        return bool(_LOOKS_AROUND.search(str(schema.get("pattern", ""))))
    return name in schema and not (name == "format" and schema["format"] in FORMATS)


def _is_object(schema: Schema) -> bool:
    kind = schema.get("type")
    return kind == "object" or "properties" in schema or (isinstance(kind, list) and "object" in kind)


def _has_values_of_objects(schema: Schema) -> bool:
    values = schema.get("enum", ())
    return isinstance(values, Iterable) and any(isinstance(value, dict | list) for value in values)


def _require_no_recursion(root: Schema, schema: object, above: frozenset[str], done: set[str]) -> None:
    """Follow every reference once. Raises _CannotBind for one that leads back to itself, or nowhere."""
    if not isinstance(schema, dict):
        return
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref not in done:
        found = target(root, ref)
        if ref in above or found is root or not isinstance(found, dict):
            raise _CannotBind
        _require_no_recursion(root, found, above | {ref}, done)
        done.add(ref)
    for inner in subschemas(schema):
        _require_no_recursion(root, inner, above, done)
