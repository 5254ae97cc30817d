"""Example values for JSON schemas, for tool inputs and structured output of the simulated model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from aigw_extproc.simulator.json_schema import is_valid

Schema = Mapping[str, Any]

MAX_DEPTH = 8
"""Levels of objects and lists: a limit for recursive schemas."""

MAX_ITEMS, MAX_CHARACTERS = 100, 1000
"""Limits of `minItems` and `minLength`."""

NULL = {"type": "null"}

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "date": "2026-01-31",
        "date-time": "2026-01-31T12:00:00Z",
        "email": "user@example.com",
        "time": "12:00:00Z",
        "uri": "https://example.com/",
        "uuid": "00000000-0000-4000-8000-000000000000",
    }
)


def example(schema: Schema) -> dict[str, Any]:
    """Return an object for the schema of a tool's input, with every property, always the same.

    The schema has to be valid by `json_schema`. Patterns and multiples are ignored.
    """
    value = example_value(schema)
    return value if isinstance(value, dict) else {}


def example_value(schema: Schema) -> Any:
    """Return a value for a schema of any type."""
    return _value(schema, schema, "value", 0)


def _value(schema: Any, root: Schema, name: str, depth: int) -> Any:
    # `true` is a schema too: it allows anything.
    schema = _resolve(schema if isinstance(schema, Mapping) else {}, root, short=depth >= MAX_DEPTH // 2)
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        return schema["enum"][0]
    return BUILDERS.get(_type(schema), _string)(schema, root, name, depth)


def _resolve(schema: Schema, root: Schema, *, short: bool) -> Schema:
    """Return the schema with its reference resolved, its first alternative chosen and `allOf` merged.

    `short` prefers null among the alternatives, which ends recursive schemas.
    """
    for _ in range(MAX_DEPTH):
        if "$ref" in schema:
            schema = _lookup(root, schema["$ref"])
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                alternatives = schema[keyword]
                chosen = NULL if short and NULL in alternatives else alternatives[0]
                schema = _merged(schema, keyword, [chosen])
        if "allOf" in schema:
            schema = _merged(schema, "allOf", schema["allOf"])
    return schema


def _merged(schema: Schema, keyword: str, parts: list[Any]) -> Schema:
    merged = {key: value for key, value in schema.items() if key != keyword}
    for part in parts:
        merged |= part if isinstance(part, dict) else {}
    return merged


def _lookup(root: Schema, reference: str) -> Schema:
    target: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        target = target.get(step, {}) if isinstance(target, Mapping) and step else target
    return target if isinstance(target, dict) and is_valid(target) else {}


def _type(schema: Schema) -> str:
    declared = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(declared, list):
        return next((name for name in declared if name != "null"), "null")
    return str(declared)


def _object(schema: Schema, root: Schema, _name: str, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    wanted = properties if depth < MAX_DEPTH else ()
    return {name: _value(properties[name], root, name, depth + 1) for name in wanted}


def _array(schema: Schema, root: Schema, name: str, depth: int) -> list[Any]:
    if depth >= MAX_DEPTH:
        return []
    return [_value(schema.get("items", {}), root, name, depth + 1)] * max(1, min(schema.get("minItems", 1), MAX_ITEMS))


def _string(schema: Schema, _root: Schema, name: str, _depth: int) -> str:
    text = FORMATS.get(schema.get("format", ""), f"example {name}")
    return text.ljust(min(schema.get("minLength", 0), MAX_CHARACTERS), "x")[: schema.get("maxLength")]


def _least(schema: Schema, otherwise: float) -> float:
    """Return roughly the least allowed number, `otherwise` where the schema has no lower bound."""
    if "exclusiveMinimum" in schema:
        otherwise = schema["exclusiveMinimum"] + 1
    least: float = schema.get("minimum", otherwise)
    most: float = schema.get("maximum", least)
    return min(least, most)


BUILDERS: Mapping[str, Callable[[Schema, Schema, str, int], Any]] = MappingProxyType(
    {
        "array": _array,
        "boolean": lambda *_: True,
        "integer": lambda schema, *_: math.ceil(_least(schema, 1)),
        "null": lambda *_: None,
        "number": lambda schema, *_: _least(schema, 0.5),
        "object": _object,
        "string": _string,
    }
)
