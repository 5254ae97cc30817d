"""The tools of a request: definitions, and the choice among them.

https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use
"""

from __future__ import annotations

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.clients.messages.client_tools import CLIENT_TOOLS
from aigw_extproc.translate.converse.tools import AUTO, ClientChoice, Definition, ToolFunction, check_definitions

MODES = {"auto": "auto", "any": "required", "tool": "function", "none": "none"}
"""By the type of Anthropic's choice."""


def definitions(request: messages.CountTokensParams, family: Family, dropped: list[str]) -> list[Definition]:
    """Return the tools that a request offers.

    Raises:
        InvalidRequest: a tool is one of Anthropic's own, its name is empty or used twice, or the model does not
            support tools.
    """
    tools = request.tools or ()
    offered = [
        _definition(tool, f"tools[{index}]")
        for index, tool in enumerate(tools)
        if not (family.web_search and is_web_search(tool))
    ]
    check_definitions(offered, family, "tools")
    if any(tool.defer_loading for tool in tools):
        dropped.append("tools.defer_loading")
    if any(tool.input_examples for tool in tools):
        dropped.append("tools.input_examples")
    if any(tool.allowed_callers not in (None, ["direct"]) for tool in tools):
        dropped.append("tools.allowed_callers")
    return offered


def is_web_search(tool: messages.Tool) -> bool:
    """Return whether a tool is Anthropic's search of the web."""
    return (tool.type or "").startswith("web_search_")


def choice(request: messages.CountTokensParams) -> ClientChoice:
    """Translate `tool_choice`; an absent one is `auto`.

    Raises:
        InvalidRequest: a choice of a tool has no name.
    """
    wanted = request.tool_choice
    if wanted is None:
        return AUTO
    if wanted.type == "tool" and not wanted.name:
        raise InvalidRequest.at("tool_choice.name", "a choice of a tool needs its name")
    name = wanted.name if wanted.type == "tool" else None
    return ClientChoice(mode=MODES[wanted.type], name=name, place="tool_choice.name" if name else "tool_choice")


def _definition(tool: messages.Tool, place: str) -> Definition:
    known = CLIENT_TOOLS.get(tool.type or "")
    if known is not None:
        function = ToolFunction(name=tool.name, description=known.description, parameters=known.input_schema)
        return Definition(place=place, schema_field="input_schema", function=function, mark=tool.cache_control)
    if tool.type not in {None, "custom"}:
        raise InvalidRequest.at(
            f"{place}.type",
            f"{tool.type!r} is one of Anthropic's own tools, which this model's backend does not support;"
            " use a model on AWSAnthropic, or define the tool with an input_schema",
        )
    function = ToolFunction(
        name=tool.name, description=tool.description, parameters=tool.input_schema, strict=tool.strict
    )
    return Definition(place=place, schema_field="input_schema", function=function, mark=tool.cache_control)
