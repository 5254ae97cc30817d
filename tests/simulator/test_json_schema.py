"""Validation of JSON schemas."""

from __future__ import annotations

from typing import Any

import pytest

from aigw_extproc.simulator.json_schema import KEYWORDS, is_valid

VALID = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {"Unit": {"enum": ["c", 1, None]}},
    "definitions": {"Old": True},
    "type": ["object", "null"],
    "title": "t",
    "description": "d",
    "properties": {
        "a": {"type": "string", "minLength": 1, "maxLength": 2, "pattern": "^a", "format": "date"},
        "b": {"type": "number", "minimum": -1.5, "maximum": 2, "multipleOf": 0.5},
        "c": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9},
        "d": {"type": "array", "items": {"$ref": "#/$defs/Unit"}, "minItems": 0, "maxItems": 3, "uniqueItems": True},
        "e": {"anyOf": [True, {"not": {}}], "oneOf": [{}], "allOf": [{}]},
    },
    "patternProperties": {"^x": {}},
    "required": ["a"],
    "additionalProperties": False,
    "x-unknown": [1],
}

WRONG: dict[str, list[Any]] = {
    "$defs": [[], {"a": 1}],
    "$ref": [1],
    "additionalProperties": ["no", None],
    "allOf": [[], [1], {}],
    "anyOf": [None],
    "definitions": [[]],
    "description": [None],
    "enum": ["a"],
    "exclusiveMaximum": [True],
    "exclusiveMinimum": ["1"],
    "format": [{}],
    "items": [[]],
    "maxItems": [-1],
    "maxLength": [1.5],
    "maximum": [None],
    "minItems": ["0"],
    "minLength": [True],
    "minimum": [[]],
    "multipleOf": [{}],
    "not": [1],
    "oneOf": [[None]],
    "pattern": [1],
    "patternProperties": [[]],
    "properties": [None, [], {"a": None}],
    "required": [None, "a", ["a", "a"], [1]],
    "title": [1],
    "type": ["text", [], ["string", "string"], None, {}],
    "uniqueItems": [1],
}


def test_a_schema_with_every_keyword_is_valid() -> None:
    assert is_valid(VALID)


@pytest.mark.parametrize("value", [None, 1, "object", [], [{}]])
def test_only_objects_and_booleans_are_schemas(value: Any) -> None:
    assert not is_valid(value)


@pytest.mark.parametrize(
    ("keyword", "value"), [(keyword, value) for keyword, values in WRONG.items() for value in values]
)
def test_a_keyword_with_a_value_of_another_type_is_invalid(keyword: str, value: Any) -> None:
    assert not is_valid({"type": "object", "properties": {"deep": {"items": {keyword: value}}}})


def test_every_keyword_has_a_wrong_value() -> None:
    assert WRONG.keys() == KEYWORDS.keys()
