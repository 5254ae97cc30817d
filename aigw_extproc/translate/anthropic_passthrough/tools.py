"""Tools as Bedrock's strict body takes them.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/tool-reference
"""

from __future__ import annotations

import msgspec

from aigw_extproc.translate.anthropic.betas import TOOL_STREAMING
from aigw_extproc.translate.anthropic_passthrough import known
from aigw_extproc.translate.anthropic_passthrough.members import NULL, Fields, Strict, decode
from aigw_extproc.translate.converse.schemas.tool import input_schema

_TRUE, _FALSE = msgspec.Raw(b"true"), msgspec.Raw(b"false")
_CUSTOM = (NULL, msgspec.Raw(b'"custom"'))
_TOOLS = msgspec.json.Decoder(list[Fields])


def strict_tools(raw: msgspec.Raw, strict: Strict) -> list[Fields]:
    """Return the tools of a request.

    Raises:
        InvalidRequest: a schema is not of an object.
    """
    tools = decode(_TOOLS, raw, "tools")
    return [_tool(tool, f"tools[{index}]", strict) for index, tool in enumerate(tools)]


def _tool(tool: Fields, place: str, strict: Strict) -> Fields:
    members = {name: value for name, value in tool.items() if value != NULL and not _is_default(name, value)}
    if members.pop("eager_input_streaming", NULL) != NULL and not strict.request_beta(TOOL_STREAMING):
        strict.drop("tools.eager_input_streaming")
    callers = members.pop("allowed_callers", NULL)
    if callers != NULL and msgspec.json.decode(callers) not in known.DIRECT_CALLER:
        strict.drop("tools.allowed_callers")
    if tool.get("type", NULL) not in _CUSTOM:
        return strict.cache_control(members)
    return _with_schema(strict.cache_control(strict.keep(members, known.TOOL, "tools.")), place, strict)


def _is_default(name: str, value: msgspec.Raw) -> bool:
    """Return whether a member says what is so without it."""
    return value == _FALSE and name in {"eager_input_streaming", "defer_loading", "strict"}


def _with_schema(tool: Fields, place: str, strict: Strict) -> Fields:
    wants_strict = tool.get("strict") == _TRUE
    given = tool.get("input_schema", msgspec.Raw())
    schema = input_schema(given, f"{place}.input_schema", strict.family, strict=wants_strict)
    if schema.aliases:
        strict.aliases[str(msgspec.json.decode(tool.get("name", NULL)))] = schema.aliases
    if wants_strict and not schema.is_bound:
        strict.drop("tools.strict")
        tool = {name: value for name, value in tool.items() if name != "strict"}
    return {**tool, "input_schema": schema.json}
