"""Answers and tool inputs that are bound to a schema.

https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from aigw_extproc.simulator import json_schema
from aigw_extproc.simulator.capabilities import model_field
from aigw_extproc.simulator.converse_prompt import answer_schema
from aigw_extproc.simulator.rules.conversation import (
    MODEL_ERRORS,
    Asked,
    Problems,
    media,
    output_schema,
    specs,
    unsupported,
)

NUMBERS = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
NOT_PLAIN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"array": ("maxItems",), "integer": NUMBERS, "number": NUMBERS}
)
"""What Claude cannot be bound to, by type."""

SUBSCHEMAS = ("$defs", "definitions", "properties")
ALTERNATIVES = ("allOf", "anyOf", "oneOf", "prefixItems")


def output_format_is_known(asked: Asked) -> Problems:
    """`outputConfig.textFormat` is for families that can be bound to a schema."""
    if asked.family.text_format:
        return
    own = model_field(asked.conversation, "output_config", "format") is not None
    if asked.is_claude and (own or output_schema(asked.conversation) is not None):
        yield f"{MODEL_ERRORS} output_config.format: Extra inputs are not permitted"
    elif output_schema(asked.conversation) is not None:
        yield unsupported("outputConfig")


def output_schema_is_valid(asked: Asked) -> Problems:
    """The schema of an answer is one."""
    schema = answer_schema(asked.conversation)
    if schema is not None and not (isinstance(schema, dict) and json_schema.is_valid(schema)):
        yield f"{MODEL_ERRORS} output_config.format.schema: {json_schema.INVALID}"


def output_schema_is_closed(asked: Asked) -> Problems:
    """Every object in it says `additionalProperties: false`."""
    for schema in _all_schemas(answer_schema(asked.conversation)):
        if "object" in _types(schema) and schema.get("additionalProperties") is not False:
            yield (
                f"{MODEL_ERRORS} output_config.format.schema: For 'object' type, 'additionalProperties' must be"
                " explicitly set to false"
            )


def binding_schemas_are_plain(asked: Asked) -> Problems:
    """Claude cannot be bound to bounds of numbers and lists, be it in an answer or in a strict tool."""
    for path, schema in _binding(asked) if asked.family.plain_schemas else ():
        for kind, words in _not_plain(schema):
            said = f"property '{words[0]}' is" if len(words) == 1 else f"properties {', '.join(words)} are"
            yield f"{MODEL_ERRORS} {path}: For '{kind}' type, {said} not supported"


def strict_is_known(asked: Asked) -> Problems:
    """`strict` is for families that know it; to say that a tool is not strict is to say too much as well."""
    for index, spec in specs(asked.conversation):
        if "strict" in spec and not asked.family.strict_tools:
            claude = f"{MODEL_ERRORS} tools.{index}.custom.strict: Extra inputs are not permitted"
            yield claude if asked.is_claude else unsupported("strict")


def citations_do_not_go_with_a_schema(asked: Asked) -> Problems:
    """A document cannot be cited in JSON."""
    cited = any(document.get("citations", {}).get("enabled") for _, document in media(asked.conversation, "document"))
    if cited and asked.is_claude and answer_schema(asked.conversation) is not None:
        yield f"{MODEL_ERRORS} Citations cannot be enabled when output format is set"


def _binding(asked: Asked) -> Iterator[tuple[str, Any]]:
    yield "output_config.format.schema", answer_schema(asked.conversation)
    for index, spec in specs(asked.conversation):
        if spec.get("strict"):
            yield f"tools.{index}.custom", spec["inputSchema"]["json"]


def _not_plain(root: Any) -> Iterator[tuple[str, list[str]]]:
    for schema in _all_schemas(root):
        for kind in _types(schema):
            words = [word for word in NOT_PLAIN.get(kind, ()) if word in schema]
            if words:
                yield kind, words


def _types(schema: Mapping[str, Any]) -> list[str]:
    declared = schema.get("type", "object" if "properties" in schema else [])
    return declared if isinstance(declared, list) else [declared]


def _all_schemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    """A valid schema and all within it."""
    if not isinstance(schema, dict):
        return
    yield schema
    inner = [part for keyword in SUBSCHEMAS for part in schema.get(keyword, {}).values()]
    inner += [part for keyword in ALTERNATIVES for part in schema.get(keyword, [])]
    for part in (*inner, schema.get("items"), schema.get("additionalProperties")):
        yield from _all_schemas(part)
