"""Schemas of tools, and the names of parameters in JSON that is cut anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from aigw_extproc.bedrock.families import Family, family_of
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.converse.schemas.keys import KeyTranslator, translated
from aigw_extproc.translate.converse.schemas.tool import input_schema

ALIASES = {"a1": "$filter", "a2": 'say "hi"\n', "x": "long name" * 20}
NAMES = {name: alias for alias, name in ALIASES.items()}


def cut(text: str, places: list[int]) -> str:
    """Translate a text in pieces."""
    keys, restored, start = KeyTranslator(ALIASES), "", 0
    for end in sorted(place % (len(text) + 1) for place in places):
        restored += keys.feed(text[start:end])
        start = end
    return restored + keys.feed(text[start:]) + keys.close()


def renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [renamed(item) for item in value]
    if isinstance(value, dict):
        return {ALIASES.get(key, key): renamed(item) for key, item in value.items()}
    return value


keys = st.sampled_from([*ALIASES, "y", "", '"', "\\", "ü"]) | st.text(max_size=3)
values = st.recursive(
    keys | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(keys, values, max_size=4), st.lists(st.integers(0, 500), max_size=8), st.booleans())
def test_keys_are_restored_wherever_the_text_is_cut(value: dict[str, Any], places: list[int], escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    assert json.loads(cut(text, places)) == renamed(value)


@given(st.dictionaries(keys, values, max_size=4))
def test_a_history_has_the_aliases_again(value: dict[str, Any]) -> None:
    restored = json.dumps(renamed(value)).encode()
    assert json.loads(bytes(translated(Raw(restored), NAMES))) == renamed_back(renamed(value))


def renamed_back(value: Any) -> Any:
    if isinstance(value, list):
        return [renamed_back(item) for item in value]
    if isinstance(value, dict):
        return {NAMES.get(key, key): renamed_back(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("text", ['{"a1": 1.50, "b": "a1"}', '{"a1', '{"a1": {"a', "", "a1", '[{"y":1},{"a1"'])
def test_text_is_lost_nowhere(text: str) -> None:
    expected = text.replace('"a1":', '"$filter":').replace('{"a1"', '{"$filter"')
    assert cut(text, list(range(len(text)))) == expected


def test_a_chain_of_references_is_no_defect() -> None:
    chain = {f"A{n}": {"$ref": f"#/$defs/A{n + 1}"} for n in range(5_000)} | {"A5000": {"type": "object"}}
    schema = {"$ref": "#/$defs/A0", "$defs": chain}
    nested = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A0"}}, "$defs": chain}
    family = family_of("anthropic.claude-sonnet-4-5-20250929-v1:0")
    with pytest.raises(InvalidRequest, match=r"^tool: its references are nested too deeply$"):
        input_schema(Raw(json.dumps(schema).encode()), "tool", family)
    assert not input_schema(Raw(json.dumps(nested).encode()), "tool", family, strict=True).is_bound


def test_definitions_that_double_are_refused_where_they_have_to_be_written_out() -> None:
    twice = [{"anyOf": [{"$ref": f"#/$defs/{level + 1}"}] * 2} for level in range(40)]
    definitions = {str(level): schema for level, schema in enumerate([*twice, {"type": "string"}])}
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/0"}}, "$defs": definitions}
    parameters = Raw(json.dumps(schema).encode())
    assert input_schema(parameters, "p", Family()).json == parameters
    with pytest.raises(InvalidRequest) as refused:
        input_schema(parameters, "p", Family(tool_schema_references=False))
    assert str(refused.value) == "p: the model takes no references, and written out they exceed 262144 bytes"


def test_many_alternatives_are_folded_in_linear_time() -> None:
    alternatives = [
        {"properties": {f"p{n}": {"const": n}, "kind": {"const": n}}, "required": ["kind"]} for n in range(9_000)
    ]
    schema = {"type": "object", "anyOf": alternatives, "allOf": alternatives}
    family = family_of("anthropic.claude-sonnet-4-5-20250929-v1:0")
    folded = json.loads(bytes(input_schema(Raw(json.dumps(schema).encode()), "tool", family).json))
    assert (len(folded["properties"]), folded["required"]) == (9_001, ["kind"])
