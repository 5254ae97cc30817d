"""`response_format`: answers that are JSON of a given schema.

Families that know how get the schema in outputConfig. For the others the schema becomes that of a tool which the model
has to use, and whose input is the answer; the client never hears of the tool.
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

from __future__ import annotations

from collections.abc import Container

import msgspec

from aigw_extproc.bedrock.converse import OutputConfiguration
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.converse.structured_output import (
    JSON_OBJECT_INSTRUCTION,
    output_configuration,
    schema_instruction,
)

ANSWER_TOOL = "answer"
ANSWER_TOOL_INSTRUCTION = "Give your final answer by calling the tool {name}, exactly once."

_PLACE = "response_format.json_schema"
_FALLBACK_SCHEMA = msgspec.Raw(b'{"type":"object"}')


class StructuredOutput(msgspec.Struct, frozen=True, kw_only=True):
    """How one request binds its answer to a schema. At most one of `output_config` and `tool` is set."""

    output_config: OutputConfiguration | None = None
    tool: chat.FunctionDefinition | None = None
    """The answer tool; its name is no other tool's."""
    instruction: str | None = None
    """To be added to the system prompt."""


def structured_output(
    wanted: chat.ResponseFormat | None, *, family: Family, taken: Container[str], forced: bool
) -> StructuredOutput:
    """What `response_format` comes to. `taken` are the names of the request's tools; `forced` says whether the model
    can be made to use a tool.

    Raises:
        InvalidRequest: there is no schema, or not one of an object.
    """
    if wanted is None or wanted.type == "text":
        return StructuredOutput()
    if wanted.type == "json_object":
        return StructuredOutput(instruction=JSON_OBJECT_INSTRUCTION)
    if wanted.json_schema is None:
        raise InvalidRequest.at(_PLACE, "a json_schema format needs its schema")
    schema = _schema(wanted.json_schema)
    if family.structured_output:
        definition = wanted.json_schema
        return StructuredOutput(
            output_config=output_configuration(schema, definition.name, definition.description or None)
        )
    if not family.tools:
        return StructuredOutput(instruction=schema_instruction(schema))
    name = _free_name(taken)
    tool = chat.FunctionDefinition(
        name=name, description=wanted.json_schema.description, parameters=msgspec.Raw(msgspec.json.encode(schema))
    )
    instruction = None if forced else ANSWER_TOOL_INSTRUCTION.format(name=name)
    return StructuredOutput(tool=tool, instruction=instruction)


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
