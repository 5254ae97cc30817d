"""Answers that are JSON of a given schema.

https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock.converse import JsonSchemaDefinition, OutputConfiguration, OutputFormat, OutputFormatStructure
from aigw_extproc.bedrock.families import Family
from aigw_extproc.translate.converse.schemas.mend import mended
from aigw_extproc.translate.converse.schemas.native import bound
from aigw_extproc.translate.converse.tools import Definition

JSON_OBJECT_INSTRUCTION = "Answer with one JSON object and nothing else: no prose around it, no code fence."


def schema_instruction(schema: Mapping[str, object]) -> str:
    """Return the instruction for a model that cannot be bound to a schema."""
    text = msgspec.json.encode(schema).decode()
    return f"{JSON_OBJECT_INSTRUCTION} It has to be valid against this JSON schema: {text}"


def output_configuration(
    schema: Mapping[str, object], family: Family, *, name: str | None = None, description: str | None = None
) -> OutputConfiguration | None:
    """Return the outputConfig that binds the answer to a schema; None if the family cannot be bound to it."""
    binding = bound(mended(schema)) if family.structured_output else None
    if binding is None:
        return None
    text = msgspec.json.encode(binding).decode()
    json_schema = JsonSchemaDefinition(schema=text, name=name, description=description)
    text_format = OutputFormat(type="json_schema", structure=OutputFormatStructure(json_schema=json_schema))
    return OutputConfiguration(text_format=text_format)


class StructuredOutput(msgspec.Struct, frozen=True, kw_only=True):
    """How one request binds its answer to a schema. At most one of `output_config` and `tool` is set."""

    output_config: OutputConfiguration | None = None
    tool: Definition | None = None
    """The answer tool: the schema is that of its input. No other tool has its name."""
    instruction: str | None = None
    """To be added to the system prompt."""


def without_tool(
    schema: Mapping[str, object], family: Family, *, name: str | None = None, description: str | None = None
) -> StructuredOutput:
    """Bind the answer in outputConfig, or by an instruction where the family cannot be bound to the schema."""
    output_config = output_configuration(schema, family, name=name, description=description)
    instruction = schema_instruction(schema) if output_config is None else None
    return StructuredOutput(output_config=output_config, instruction=instruction)
