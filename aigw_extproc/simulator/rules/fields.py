"""Fields with a syntax of their own.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_RequestSyntax
"""

from __future__ import annotations

import json
import re

from aigw_extproc.simulator.converse_request import Conversation, output_schema
from aigw_extproc.simulator.rules.problems import Problems

# https://www.rfc-editor.org/rfc/rfc6901#section-3
JSON_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")


def response_fields_are_json_pointers(conversation: Conversation) -> Problems:
    """`additionalModelResponseFieldPaths` has JSON pointers, none of them empty."""
    for index, path in enumerate(conversation.get("additionalModelResponseFieldPaths", ())):
        if JSON_POINTER.fullmatch(path) is None:
            yield f"The value at additionalModelResponseFieldPaths.{index} is not a valid JSON Pointer: {path}"


def output_schema_is_json(conversation: Conversation) -> Problems:
    """`outputConfig.textFormat` has a JSON schema, as the text of a JSON object."""
    schema = output_schema(conversation)
    if schema is not None and not _is_object(schema):
        yield "The value at outputConfig.textFormat.structure.jsonSchema.schema must be the text of a JSON object."


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
