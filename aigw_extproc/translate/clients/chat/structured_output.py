"""`response_format` of a chat: answers that are JSON.

Families that support it get the schema in outputConfig. Otherwise it becomes the schema of a tool which the model has
to use, and whose input is the answer; the client does not see this tool.
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

from __future__ import annotations

from collections.abc import Container
from typing import assert_never

import msgspec

from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.converse.structured_output import (
    JSON_OBJECT_INSTRUCTION,
    StructuredOutput,
    without_tool,
)
from aigw_extproc.translate.converse.tools import Definition, ToolFunction

ANSWER_TOOL = "answer"
ANSWER_TOOL_INSTRUCTION = "Give your final answer by calling the tool {name}, exactly once."

_PLACE = "response_format.json_schema"
_FALLBACK_SCHEMA = msgspec.Raw(b'{"type":"object"}')


def structured_output(
    response_format: chat.ResponseFormat | None, *, family: Family, taken: Container[str], forced: bool
) -> StructuredOutput:
    """Translate `response_format`.

    `taken` are the names of the request's tools; `forced` is true if the model can be made to use one.

    Raises:
        InvalidRequest: there is no schema, or it is not that of an object.
    """
    if response_format is None:
        return StructuredOutput()
    match response_format.type:
        case "text":
            return StructuredOutput()
        case "json_object":
            return StructuredOutput(instruction=JSON_OBJECT_INSTRUCTION)
        case "json_schema":
            return _by_schema(response_format.json_schema, family, taken, forced=forced)
        case _:
            assert_never(response_format.type)


def _by_schema(
    definition: chat.JsonSchema | None, family: Family, taken: Container[str], *, forced: bool
) -> StructuredOutput:
    if definition is None:
        raise InvalidRequest.at(_PLACE, "a json_schema format needs its schema")
    schema = _schema(definition)
    output = without_tool(schema, family, name=definition.name, description=definition.description or None)
    if output.output_config is not None or not family.tools:
        return output
    name = _free_name(taken)
    parameters = msgspec.Raw(msgspec.json.encode(schema))
    return StructuredOutput(
        tool=Definition(
            place=_PLACE,
            function=ToolFunction(name=name, description=definition.description, parameters=parameters),
        ),
        instruction=None if forced else ANSWER_TOOL_INSTRUCTION.format(name=name),
    )


def _schema(definition: chat.JsonSchema) -> dict[str, object]:
    raw = bytes(definition.schema).strip()
    schema = msgspec.json.decode(_FALLBACK_SCHEMA if raw in {b"", b"null"} else raw)
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise InvalidRequest.at(f"{_PLACE}.schema", "expected a JSON schema of an object")
    return schema


def _free_name(taken: Container[str]) -> str:
    name, number = ANSWER_TOOL, 1
    while name in taken:
        number += 1
        name = f"{ANSWER_TOOL}_{number}"
    return name
