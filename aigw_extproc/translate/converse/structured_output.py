"""Answers that are JSON of a given schema.

https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from aigw_extproc.bedrock.converse import JsonSchemaDefinition, OutputConfiguration, OutputFormat, OutputFormatStructure
from aigw_extproc.translate.converse.schemas import closed

JSON_OBJECT_INSTRUCTION = "Answer with one JSON object and nothing else: no prose around it, no code fence."


def schema_instruction(schema: Mapping[str, object]) -> str:
    """Return the instruction for a model that cannot be bound to a schema."""
    text = msgspec.json.encode(schema).decode()
    return f"{JSON_OBJECT_INSTRUCTION} It has to be valid against this JSON schema: {text}"


def output_configuration(
    schema: Mapping[str, object], name: str | None = None, description: str | None = None
) -> OutputConfiguration:
    """Return the outputConfig that binds the answer to a schema."""
    text = msgspec.json.encode(closed(schema)).decode()
    json_schema = JsonSchemaDefinition(schema=text, name=name, description=description)
    text_format = OutputFormat(type="json_schema", structure=OutputFormatStructure(json_schema=json_schema))
    return OutputConfiguration(text_format=text_format)
