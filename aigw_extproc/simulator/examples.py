"""Example values for JSON schemas: what the simulated model puts into a tool's input or an answer bound to one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from aigw_extproc.simulator.json_schema import is_valid

Schema = Mapping[str, Any]

DEEPEST = 8
"""Levels of objects and lists, so that a schema which contains itself has an end."""

MOST_ITEMS, MOST_CHARACTERS = 100, 1000
"""However many a schema demands."""

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
    """An object that the schema of a tool's input allows: every property, with the same value each time.

    The schema has to be valid, by `json_schema`. What it says of patterns and multiples is not heeded.
    """
    value = example_value(schema)
    return value if isinstance(value, dict) else {}


def example_value(schema: Schema) -> Any:
    """The same for a schema of any type: the whole answer where one is bound to it."""
    return _value(schema, schema, "value", 0)


def _value(schema: Any, root: Schema, name: str, depth: int) -> Any:
    # `true` is a schema too: it allows anything.
    schema = _resolve(schema if isinstance(schema, Mapping) else {}, root, short=depth >= DEEPEST // 2)
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        return schema["enum"][0]
    return BUILDERS.get(_type(schema), _string)(schema, root, name, depth)


def _resolve(schema: Schema, root: Schema, *, short: bool) -> Schema:
    """The schema with its reference followed, its first alternative chosen and its conjunction merged.

    `short` prefers null among the alternatives: where a schema contains itself, that is its end.
    """
    for _ in range(DEEPEST):
        if "$ref" in schema:
            schema = _lookup(root, schema["$ref"])
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                schema = _merged(schema, keyword, [_alternative(schema[keyword], short=short)])
        if "allOf" in schema:
            schema = _merged(schema, "allOf", schema["allOf"])
    return schema


def _alternative(schemas: list[Any], *, short: bool) -> Any:
    return NULL if short and NULL in schemas else schemas[0]


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
    wanted = properties if depth < DEEPEST else ()
    return {name: _value(properties[name], root, name, depth + 1) for name in wanted}


def _array(schema: Schema, root: Schema, name: str, depth: int) -> list[Any]:
    if depth >= DEEPEST:
        return []
    return [_value(schema.get("items", {}), root, name, depth + 1)] * max(1, min(schema.get("minItems", 1), MOST_ITEMS))


def _string(schema: Schema, _root: Schema, name: str, _depth: int) -> str:
    text = FORMATS.get(schema.get("format", ""), f"example {name}")
    return text.ljust(min(schema.get("minLength", 0), MOST_CHARACTERS), "x")[: schema.get("maxLength")]


def _integer(schema: Schema, _root: Schema, _name: str, _depth: int) -> int:
    return math.ceil(_least(schema, 1))


def _number(schema: Schema, _root: Schema, _name: str, _depth: int) -> float:
    return _least(schema, 0.5)


def _least(schema: Schema, otherwise: float) -> float:
    """The least number that is allowed, or so; `otherwise` where the schema sets no lower bound."""
    if "exclusiveMinimum" in schema:
        otherwise = schema["exclusiveMinimum"] + 1
    least: float = schema.get("minimum", otherwise)
    most: float = schema.get("maximum", least)
    return min(least, most)


BUILDERS: Mapping[str, Callable[[Schema, Schema, str, int], Any]] = MappingProxyType(
    {
        "array": _array,
        "boolean": lambda *_: True,
        "integer": _integer,
        "null": lambda *_: None,
        "number": _number,
        "object": _object,
        "string": _string,
    }
)
