"""Rules of structured output."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw_extproc.simulator import rules
from aigw_extproc.simulator.errors import Invalid
from tests.simulator.conversations import HI, document, own, talk, user

ANY = ""
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"
SONNET_4_5 = "anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS_5_5 = "anthropic.claude-opus-5-5"
NOVA = "amazon.nova-lite-v1:0"
QWEN = "qwen.qwen3-32b-v1:0"

STRING = {"type": "string"}
NUMBER = {"type": "number"}
REF = {"$ref": "#/$defs/A"}
MODEL = "The model returned the following errors: "
OPEN = f"{MODEL}output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def bound(schema: Any) -> dict[str, Any]:
    structure = {"jsonSchema": {"schema": json.dumps(schema)}}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": structure}}}


def tool(schema: Any, **more: Any) -> dict[str, Any]:
    spec = {"name": "clock", "inputSchema": {"json": schema}, **more}
    return {"toolConfig": {"tools": [{"toolSpec": spec}]}}


BROKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "an early Claude": (
        SONNET_4,
        talk(**bound(closed())),
        f"{MODEL}output_config.format: Extra inputs are not permitted",
    ),
    "an early Claude in Claude's own field": (
        SONNET_4,
        talk(**own(output_config={"format": {"type": "json_schema", "schema": closed()}})),
        f"{MODEL}output_config.format: Extra inputs are not permitted",
    ),
    "Nova": (
        NOVA,
        talk(**bound(closed())),
        "This model doesn't support the outputConfig field. Remove outputConfig and try again.",
    ),
    "no schema": (
        ANY,
        talk(**bound({"type": "strange"})),
        (
            f"{MODEL}output_config.format.schema: JSON schema is invalid. It must match JSON Schema draft 2020-12"
            " (https://json-schema.org/draft/2020-12). Learn more about tool use at"
            " https://docs.claude.com/en/docs/tool-use."
        ),
    ),
    "an open object": (ANY, talk(**bound({"type": "object"})), OPEN),
    "an explicitly open object": (QWEN, talk(**bound({"type": "object", "additionalProperties": True})), OPEN),
    "an open object within": (ANY, talk(**bound(closed(a={"properties": {}}))), OPEN),
    "an open object in a list": (ANY, talk(**bound(closed(a={"items": {"type": ["object", "null"]}}))), OPEN),
    "an open object among definitions": (ANY, talk(**bound({**closed(), "$defs": {"a": {"type": "object"}}})), OPEN),
    "an open object among alternatives": (
        SONNET_4_5,
        talk(**bound(closed(a={"anyOf": [closed(), {"type": "object"}]}))),
        OPEN,
    ),
    "an open object in Claude's own field": (
        SONNET_4_5,
        talk(**own(output_config={"format": {"schema": {"type": "object"}}})),
        OPEN,
    ),
    "an open strict tool": (
        SONNET_4_5,
        talk(**tool(closed(a={"type": "object"}), strict=True)),
        f"{MODEL}tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    "patterns of properties": (
        SONNET_4_5,
        talk(**bound({**closed(), "patternProperties": {"^x": STRING}})),
        f"{MODEL}output_config.format.schema: For 'object' type, property 'patternProperties' is not supported",
    ),
    "a recursive schema": (
        SONNET_4_5,
        talk(**bound({**closed(a=REF), "$defs": {"A": closed(b={"items": REF})}})),
        f"{MODEL}output_config.format.schema: Recursive schemas are not supported",
    ),
    "a schema that is its own part": (
        SONNET_4_5,
        talk(**tool(closed(a={"$ref": "#"}), strict=True)),
        f"{MODEL}tools.0.custom: Recursive schemas are not supported",
    ),
    "bounds of numbers": (
        SONNET_4_5,
        talk(**bound(closed(a={"type": "integer", "minimum": 1, "maximum": 5}))),
        f"{MODEL}output_config.format.schema: For 'integer' type, properties maximum, minimum are not supported",
    ),
    "the bound of a list in a strict tool": (
        SONNET_4_5,
        talk(**tool(closed(a={"type": "array", "maxItems": 2}), strict=True)),
        f"{MODEL}tools.0.custom: For 'array' type, property 'maxItems' is not supported",
    ),
    "a strict tool for an early Claude": (
        SONNET_4,
        talk(**tool(closed(), strict=True)),
        f"{MODEL}tools.0.custom.strict: Extra inputs are not permitted",
    ),
    "a tool with strict false": (
        OPUS_5_5,
        talk(**tool(closed(), strict=False)),
        f"{MODEL}tools.0.custom.strict: Extra inputs are not permitted",
    ),
    "a strict tool for Nova": (
        NOVA,
        talk(**tool(closed(), strict=True)),
        "This model doesn't support the strict field. Remove strict and try again.",
    ),
    "citations": (
        SONNET_4_5,
        talk(user(HI, document("a", citations={"enabled": True})), **bound(closed())),
        f"{MODEL}Citations cannot be enabled when output format is set",
    ),
}


@pytest.mark.parametrize(("model", "conversation", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_rule_is_reported(model: str, conversation: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        rules.check(conversation, model)
    assert caught.value.message == message


KEPT: dict[str, tuple[str, dict[str, Any]]] = {
    "closed objects": (
        SONNET_4_5,
        talk(**bound(closed(a=closed(b=STRING), c={"type": "array", "items": closed(), "minItems": 1}))),
    ),
    "a schema of a string": (SONNET_4_5, talk(**bound({"type": "string", "minLength": 1, "maxLength": 5}))),
    "bounds of numbers for others": (QWEN, talk(**bound(closed(a={"type": "integer", "minimum": 1})))),
    "a strict tool": (SONNET_4_5, talk(**tool(closed(a=NUMBER), strict=True))),
    "bounds in a tool that is not strict": (SONNET_4_5, talk(**tool(closed(a={"type": "number", "minimum": 1})))),
    "an open tool that is not strict": (SONNET_4_5, talk(**tool({"type": "object"}))),
    "a reference that is not recursive": (
        SONNET_4_5,
        talk(**bound({**closed(a=REF, b=REF), "$defs": {"A": closed()}})),
    ),
    "a recursive tool that is not strict": (SONNET_4_5, talk(**tool({**closed(a=REF), "$defs": {"A": closed(b=REF)}}))),
    "citations without a schema": (SONNET_4_5, talk(user(HI, document("a", citations={"enabled": True})))),
    "documents that are not to be cited": (
        SONNET_4_5,
        talk(user(HI, document("a", citations={"enabled": False})), **bound(closed())),
    ),
}


@pytest.mark.parametrize(("model", "conversation"), KEPT.values(), ids=KEPT.keys())
def test_a_valid_request_passes(model: str, conversation: dict[str, Any]) -> None:
    assert rules.check(conversation, model) is None
