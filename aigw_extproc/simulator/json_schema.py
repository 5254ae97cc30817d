"""Validation of JSON schemas: the type of the values of the keywords that tools use.

https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

INVALID = (
    "JSON schema is invalid. It must match JSON Schema draft 2020-12 (https://json-schema.org/draft/2020-12)."
    " Learn more about tool use at https://docs.claude.com/en/docs/tool-use."
)
"""Claude's error for an invalid schema."""

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


def is_valid(schema: Any) -> bool:
    """Return whether a value is a JSON schema. Keywords that are not in `KEYWORDS` may have any value."""
    if isinstance(schema, bool):
        return True
    return isinstance(schema, dict) and all(
        KEYWORDS[keyword](value) for keyword, value in schema.items() if keyword in KEYWORDS
    )


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
    (_schemas, ("$defs", "definitions", "properties")),
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
