"""What a chat says of tools: which there are, and how to choose among them."""

from __future__ import annotations

from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.converse.tools import AUTO, Choice, Definition, Selection


def definitions(request: chat.ChatRequest, family: Family) -> list[Definition]:
    """The functions that a request offers: `tools`, or `functions` as it was before.

    Raises:
        InvalidRequest: a tool is not a function, a name is empty or used twice, or the model uses no tools.
    """
    found = [_definition(tool, index) for index, tool in enumerate(request.tools or ())]
    if not found:
        found = [
            Definition(place=f"functions[{index}]", function=function, mark=function.cache_control)
            for index, function in enumerate(request.functions or ())
        ]
    if found and not family.tools:
        place = "tools" if request.tools else "functions"
        raise InvalidRequest.at(place, "this model uses no tools")
    seen: dict[str, str] = {}
    for definition in found:
        place = f"{definition.place}.name"
        if not definition.name:
            raise InvalidRequest.at(place, "a tool needs a name")
        if definition.name in seen:
            raise InvalidRequest.at(place, f"{definition.name!r} is already the name of {seen[definition.name]}")
        seen[definition.name] = definition.place
    return found


def choice(request: chat.ChatRequest) -> Choice:
    """What `tool_choice`, or the older `function_call`, asks for; `auto` when it is absent or `{}`.

    Raises:
        InvalidRequest: neither a known word nor a function.
    """
    if request.tool_choice is not None:
        return _tool_choice(request.tool_choice)
    if isinstance(request.function_call, chat.NamedFunction):
        return Choice(mode="function", name=request.function_call.name, place="function_call.name")
    if request.function_call is not None:
        return _tool_choice(request.function_call, place="function_call")
    return AUTO


def serially(request: chat.ChatRequest, selection: Selection) -> bool:
    """Whether the client wants one tool call at a time, and there are tools that it could be about."""
    return request.parallel_tool_calls is False and bool(selection.offered) and selection.choice.mode != "none"


def _definition(tool: chat.Tool, index: int) -> Definition:
    function = _function(tool, index)
    mark = tool.cache_control or tool.cache_point or function.cache_control
    return Definition(place=f"tools[{index}].function", function=function, mark=mark)


def _function(tool: chat.Tool, index: int) -> chat.FunctionDefinition:
    if tool.type != "function":
        raise InvalidRequest.at(
            f"tools[{index}].type", f"only function tools can be used with Bedrock, got {tool.type!r}"
        )
    if tool.function is None:
        raise InvalidRequest.at(f"tools[{index}].function", "a function tool needs its function")
    return tool.function


def _tool_choice(value: str | chat.NamedToolChoice, place: str = "tool_choice") -> Choice:
    match value:
        case "auto" | "none" | "required":
            return Choice(mode=value, place=place)
        case chat.NamedToolChoice(type=None, function=None):
            return Choice(mode="auto", place=place)
        case chat.NamedToolChoice(type="function" | None, function=chat.NamedFunction(name=name)):
            return Choice(mode="function", name=name, place=f"{place}.function.name")
        case chat.NamedToolChoice():
            raise InvalidRequest.at(place, f"expected a function, got type {value.type!r}")
    raise InvalidRequest.at(place, f"expected 'auto', 'none', 'required' or a function, got {value!r}")
