"""Structured output: replies and tool inputs that follow a schema.

https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from aigw_extproc.simulator import json_schema
from aigw_extproc.simulator.converse_prompt import answer_schema
from aigw_extproc.simulator.converse_request import Conversation, media, model_field, output_schema, tool_specs
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, ModelRequest, Problems, unsupported

NUMBERS = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
NOT_PLAIN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"array": ("maxItems",), "integer": NUMBERS, "number": NUMBERS, "object": ("patternProperties", "propertyNames")}
)
"""Keywords that Claude does not support in output schemas, by type."""


def output_schema_is_json(conversation: Conversation) -> Problems:
    """`outputConfig.textFormat` has a JSON schema, as the text of a JSON object."""
    schema = output_schema(conversation)
    if schema is not None and not _is_object(schema):
        yield "The value at outputConfig.textFormat.structure.jsonSchema.schema must be the text of a JSON object."


def output_format_is_supported(request: ModelRequest) -> Problems:
    """`outputConfig.textFormat` needs a family with structured output."""
    if request.family.text_format:
        return
    own = model_field(request.conversation, "output_config", "format") is not None
    if request.is_claude and (own or output_schema(request.conversation) is not None):
        yield f"{MODEL_ERRORS} output_config.format: Extra inputs are not permitted"
    elif output_schema(request.conversation) is not None:
        yield unsupported("outputConfig")


def output_schema_is_valid(request: ModelRequest) -> Problems:
    """The output schema is a valid JSON schema."""
    schema = answer_schema(request.conversation)
    if schema is not None and not (isinstance(schema, dict) and json_schema.is_valid(schema)):
        yield f"{MODEL_ERRORS} output_config.format.schema: {json_schema.INVALID}"


def output_schemas_are_closed(request: ModelRequest) -> Problems:
    """Every object in output schemas and strict tools has `additionalProperties: false`."""
    return (f"{MODEL_ERRORS} {problem}" for path, schema in _binding(request) for problem in _open(path, schema))


def output_schemas_are_not_recursive(request: ModelRequest) -> Problems:
    """Output schemas and strict tools do not refer to themselves."""
    return (f"{MODEL_ERRORS} {problem}" for path, schema in _binding(request) for problem in _recursive(path, schema))


def output_schemas_are_plain(request: ModelRequest) -> Problems:
    """Claude supports no limits of numbers and lists in output schemas and strict tools."""
    bindings = _binding(request) if request.family.plain_schemas else ()
    return (f"{MODEL_ERRORS} {problem}" for path, schema in bindings for problem in _limited(path, schema))


def schema_problems(path: str, schema: Mapping[str, Any], *, plain: bool) -> Iterator[str]:
    """Yield what is wrong with a schema that a model is to be bound to; `path` is its place in the request."""
    yield from _open(path, schema)
    yield from _recursive(path, schema)
    yield from _limited(path, schema) if plain else ()


def _open(path: str, root: Any) -> Iterator[str]:
    for schema in json_schema.all_schemas(root):
        if "object" in _types(schema) and schema.get("additionalProperties") is not False:
            yield f"{path}: For 'object' type, 'additionalProperties' must be explicitly set to false"


def _recursive(path: str, root: Any) -> Iterator[str]:
    if isinstance(root, dict) and json_schema.is_recursive(root):
        yield f"{path}: Recursive schemas are not supported"


def _limited(path: str, root: Any) -> Iterator[str]:
    for kind, keywords in _not_plain(root):
        subject = f"property '{keywords[0]}' is" if len(keywords) == 1 else f"properties {', '.join(keywords)} are"
        yield f"{path}: For '{kind}' type, {subject} not supported"


def strict_is_supported(request: ModelRequest) -> Problems:
    """`strict`, even false, needs a family that supports it."""
    for index, spec in tool_specs(request.conversation):
        if "strict" in spec and not request.family.strict_tools:
            claude = f"{MODEL_ERRORS} tools.{index}.custom.strict: Extra inputs are not permitted"
            yield claude if request.is_claude else unsupported("strict")


def citations_exclude_a_schema(request: ModelRequest) -> Problems:
    """Claude does not support citations together with an output schema."""
    cited = any(document.get("citations", {}).get("enabled") for _, document in media(request.conversation, "document"))
    if cited and request.is_claude and answer_schema(request.conversation) is not None:
        yield f"{MODEL_ERRORS} Citations cannot be enabled when output format is set"


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _binding(request: ModelRequest) -> Iterator[tuple[str, Any]]:
    yield "output_config.format.schema", answer_schema(request.conversation)
    for index, spec in tool_specs(request.conversation):
        if spec.get("strict"):
            yield f"tools.{index}.custom", spec["inputSchema"]["json"]


def _not_plain(root: Any) -> Iterator[tuple[str, list[str]]]:
    for schema in json_schema.all_schemas(root):
        for kind in _types(schema):
            keywords = [keyword for keyword in NOT_PLAIN.get(kind, ()) if keyword in schema]
            if keywords:
                yield kind, keywords


def _types(schema: Mapping[str, Any]) -> list[str]:
    declared = schema.get("type", "object" if "properties" in schema else [])
    return declared if isinstance(declared, list) else [declared]
