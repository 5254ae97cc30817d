"""The tools of a Responses request → the tools of a chat.

https://platform.openai.com/docs/guides/function-calling#allowed-tools
"""

from __future__ import annotations

from collections.abc import Sequence

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat, responses


def offered(request: responses.ResponsesRequest) -> dict[int, chat.Tool]:
    """Return the tools, or those that `tool_choice` allows, by their index in the request.

    Raises:
        InvalidRequest: `tool_choice` allows a tool that the request does not offer.
    """
    tools: Sequence[responses.FunctionTool] = request.tools or ()
    choice = request.tool_choice
    if not isinstance(choice, responses.NamedToolChoice) or choice.type != "allowed_tools":
        return {index: _tool(tool) for index, tool in enumerate(tools)}
    names = {tool.name for tool in tools}
    for index, allowed in enumerate(choice.tools):
        if allowed.name not in names:
            place = f"tool_choice.tools[{index}].name"
            raise InvalidRequest.at(place, f"the request offers no tool {allowed.name!r}")
    names = {allowed.name for allowed in choice.tools}
    return {index: _tool(tool) for index, tool in enumerate(tools) if tool.name in names}


def tool_choice(choice: str | responses.NamedToolChoice | None) -> str | chat.NamedToolChoice | None:
    """Translate the choice among the tools that `offered` returns."""
    if choice is None or isinstance(choice, str):
        return choice
    if choice.type == "allowed_tools":
        return choice.mode
    return chat.NamedToolChoice(type=choice.type, function=chat.NamedFunction(name=choice.name or ""))


def _tool(tool: responses.FunctionTool) -> chat.Tool:
    function = chat.FunctionDefinition(
        name=tool.name or "", description=tool.description, parameters=tool.parameters, strict=tool.strict
    )
    return chat.Tool(type=tool.type, function=function, cache_control=tool.mark)
