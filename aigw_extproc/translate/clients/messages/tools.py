"""What a request says of tools: which there are, and how to choose among them."""

from __future__ import annotations

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.converse.tools import AUTO, Choice, Definition, Selection

MODES = {"auto": "auto", "any": "required", "tool": "function", "none": "none"}
"""By Anthropic's type of a choice."""


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A tool in the words that any translation to Converse understands."""

    name: str
    description: str | None
    parameters: msgspec.Raw
    strict: bool | None


def definitions(request: messages.CountTokensParams, family: Family, dropped: list[str]) -> list[Definition]:
    """The tools that a request offers.

    Raises:
        InvalidRequest: one of Anthropic's own tools, a name is empty or used twice, or the model uses no tools.
    """
    found = [_definition(tool, f"tools[{index}]") for index, tool in enumerate(request.tools or ())]
    if found and not family.tools:
        raise InvalidRequest.at("tools", "this model uses no tools")
    seen: dict[str, str] = {}
    for definition in found:
        if definition.name in seen:
            place = f"{definition.place}.name"
            raise InvalidRequest.at(place, f"{definition.name!r} is already the name of {seen[definition.name]}")
        seen[definition.name] = definition.place
    if any(tool.defer_loading for tool in request.tools or ()):
        dropped.append("tools.defer_loading")
    if any(tool.input_examples for tool in request.tools or ()):
        dropped.append("tools.input_examples")
    return found


def choice(request: messages.CountTokensParams) -> Choice:
    """What `tool_choice` asks for; `auto` when it is absent.

    Raises:
        InvalidRequest: it is of a tool, but names none.
    """
    asked = request.tool_choice
    if asked is None:
        return AUTO
    if asked.type == "tool" and not asked.name:
        raise InvalidRequest.at("tool_choice.name", "a choice of a tool needs its name")
    name = asked.name if asked.type == "tool" else None
    return Choice(mode=MODES[asked.type], name=name, place="tool_choice.name" if name else "tool_choice")


def serially(request: messages.CountTokensParams, selection: Selection) -> bool:
    """Whether the client wants one tool call at a time, and there are tools that it could be about."""
    wanted = request.tool_choice is not None and bool(request.tool_choice.disable_parallel_tool_use)
    return wanted and bool(selection.offered) and selection.choice.mode != "none"


def _definition(tool: messages.Tool, place: str) -> Definition:
    if tool.type not in {None, "custom"}:
        raise InvalidRequest.at(
            f"{place}.type",
            f"{tool.type!r} is one of Anthropic's own tools, which this model's backend does not know;"
            " use a model on AWSAnthropic, or define the tool with an input_schema",
        )
    if not tool.name:
        raise InvalidRequest.at(f"{place}.name", "a tool needs a name")
    function = Function(name=tool.name, description=tool.description, parameters=tool.input_schema, strict=tool.strict)
    return Definition(place=place, schema_field="input_schema", function=function, mark=tool.cache_control)
