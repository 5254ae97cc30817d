"""Example values for JSON schemas."""

from __future__ import annotations

from typing import Any

import pytest

from aigw_extproc.simulator.examples import MAX_DEPTH, example, example_value


def value_for(schema: Any, **root: Any) -> Any:
    return example({"type": "object", "properties": {"p": schema}, **root})["p"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "example p"),
        ({"type": "string", "enum": ["b", "a"]}, "b"),
        ({"type": "string", "const": "c"}, "c"),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "string", "minLength": 12}, "example pxxx"),
        ({"type": "string", "maxLength": 3}, "exa"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": "integer", "maximum": 0}, 0),
        ({"type": "integer", "exclusiveMinimum": 7}, 8),
        ({"type": "number"}, 0.5),
        ({"type": "number", "minimum": 2}, 2.0),
        ({"type": "number", "exclusiveMinimum": 2}, 3),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "array"}, ["example p"]),
        ({"properties": {"q": {"type": "string"}}}, {"q": "example q"}),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        ({"allOf": [{"type": "integer"}, {"minimum": 3}]}, 3),
        ({"anyOf": [True, {"type": "integer"}]}, "example p"),
        ({"type": "array", "minItems": 10**9}, ["example p"] * 100),
        ({"type": "string", "minLength": 10**9}, "example p".ljust(1000, "x")),
        ({}, "example p"),
        (True, "example p"),
    ],
)
def test_every_property_has_a_value_of_its_type(schema: Any, value: Any) -> None:
    assert value_for(schema) == value


def test_an_integer_is_an_integer() -> None:
    assert type(value_for({"type": "integer"})) is int


def test_references_are_followed() -> None:
    assert value_for({"$ref": "#/$defs/Unit"}, **{"$defs": {"Unit": {"enum": ["celsius"]}}}) == "celsius"


def test_a_reference_to_nothing_is_a_string() -> None:
    assert value_for({"$ref": "#/$defs/Missing"}) == "example p"


def test_a_reference_to_an_invalid_schema_is_a_string() -> None:
    assert value_for({"$ref": "#/examples"}, examples={"type": "odd"}) == "example p"


def test_a_recursive_schema_ends() -> None:
    value = example({"type": "object", "properties": {"next": {"$ref": "#"}}})
    depth = 0
    while value:
        value, depth = value["next"], depth + 1
    assert depth == MAX_DEPTH


def test_an_optional_recursion_ends_with_null() -> None:
    value = example({"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}})
    assert value == {"next": {"next": {"next": {"next": None}}}}


@pytest.mark.parametrize(
    ("schema", "value"), [({"type": "string"}, "example value"), ({"type": "array", "items": {"type": "null"}}, [None])]
)
def test_an_answer_may_be_of_any_type(schema: Any, value: Any) -> None:
    assert example_value(schema) == value


def test_a_schema_without_properties_gives_an_empty_object() -> None:
    assert example({"type": "object"}) == {}
