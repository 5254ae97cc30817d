"""Validation of JSON schemas: the type of the values of the keywords that tools use, and Claude's own restrictions.

https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

INVALID = (
    "JSON schema is invalid. It must match JSON Schema draft 2020-12 (https://json-schema.org/draft/2020-12)."
    " Learn more about tool use at https://docs.claude.com/en/docs/tool-use."
)
"""Claude's error for an invalid schema."""

ROOT_ALTERNATIVES = frozenset({"allOf", "anyOf", "oneOf"})
PROPERTY_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")

SUBSCHEMAS = ("$defs", "definitions", "patternProperties", "properties")
ALTERNATIVES = ("allOf", "anyOf", "oneOf", "prefixItems")

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


def is_valid(schema: Any) -> bool:
    """Return whether a value is a JSON schema. Keywords that are not in `KEYWORDS` may have any value."""
    if isinstance(schema, bool):
        return True
    return isinstance(schema, dict) and all(
        KEYWORDS[keyword](value) for keyword, value in schema.items() if keyword in KEYWORDS
    )


def claudes_restriction(schema: Mapping[str, Any]) -> str | None:
    """Return Claude's error for a valid schema of a tool that it does not support, from `input_schema` on; or None."""
    if ROOT_ALTERNATIVES & schema.keys():
        return "input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"
    keys = (key for part in all_schemas(schema) for key in part.get("properties", {}))
    if any(PROPERTY_KEY.fullmatch(key) is None for key in keys):
        return "input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'"
    return None


def all_schemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a valid schema and all schemas in it."""
    if not isinstance(schema, dict):
        return
    yield schema
    inner = [part for keyword in SUBSCHEMAS for part in schema.get(keyword, {}).values()]
    inner += [part for keyword in ALTERNATIVES for part in schema.get(keyword, [])]
    for part in (*inner, schema.get("items"), schema.get("additionalProperties")):
        yield from all_schemas(part)


def is_recursive(root: Mapping[str, Any]) -> bool:
    """Return whether a schema refers to itself, directly or by way of others."""
    return _returns(root, root, frozenset({id(root)}))


def _returns(root: Mapping[str, Any], schema: Any, above: frozenset[int]) -> bool:
    referred = (_resolve(root, part["$ref"]) for part in all_schemas(schema) if "$ref" in part)
    return any(id(found) in above or _returns(root, found, above | {id(found)}) for found in referred)


def _resolve(root: Any, ref: str) -> Any:
    value = root if ref.startswith("#") else None
    for name in ref.split("/")[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _instance_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)


def _type(value: Any) -> bool:
    if isinstance(value, str):
        return value in TYPES
    return bool(value) and _names(value) and set(value) <= TYPES


def _alternatives(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_valid, value))


def _schemas(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_valid, value.values()))


CHECKS: tuple[tuple[Callable[[Any], bool], tuple[str, ...]], ...] = (
    (is_valid, ("additionalProperties", "items", "not")),
    (_alternatives, ("allOf", "anyOf", "oneOf")),
    (_schemas, ("$defs", "definitions", "patternProperties", "properties")),
    (_instance_of(str), ("$ref", "description", "format", "pattern", "title")),
    (_number, ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")),
    (_count, ("maxItems", "maxLength", "minItems", "minLength")),
    (_instance_of(bool), ("uniqueItems",)),
    (_instance_of(list), ("enum",)),
    (_names, ("required",)),
    (_type, ("type",)),
)

KEYWORDS: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {keyword: check for check, keywords in CHECKS for keyword in keywords}
)
