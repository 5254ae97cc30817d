"""The tools of a chat: definitions, and the choice among them.

https://platform.openai.com/docs/guides/function-calling
"""

from __future__ import annotations

from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.clients.chat.custom_tools import custom_function
from aigw_extproc.translate.converse.tools import AUTO, ClientChoice, Definition, check_definitions


def definitions(request: chat.ChatRequest, family: Family) -> list[Definition]:
    """Return the functions in `tools`, or else in the older field `functions`.

    Raises:
        InvalidRequest: a tool is neither a function nor custom, a name is empty or used twice, or the model does not
            support tools.
    """
    if request.tools:
        offered = [_definition(tool, f"tools[{index}]") for index, tool in enumerate(request.tools)]
    else:
        offered = [
            Definition(place=f"functions[{index}]", function=function, mark=function.cache_control)
            for index, function in enumerate(request.functions or ())
        ]
    check_definitions(offered, family, "tools" if request.tools else "functions")
    return _allowed(offered, request.tool_choice)


def _allowed(offered: list[Definition], choice: str | chat.NamedToolChoice | None) -> list[Definition]:
    """Return the tools that the choice allows.

    https://platform.openai.com/docs/guides/function-calling#allowed-tools
    """
    if not isinstance(choice, chat.NamedToolChoice) or choice.allowed_tools is None:
        return offered
    tools = choice.allowed_tools.tools
    wanted = [(tool.custom, "custom") if tool.type == "custom" else (tool.function, "function") for tool in tools]
    names = [named.name if named else "" for named, _ in wanted]
    known = {definition.name for definition in offered}
    for index, (name, (_, member)) in enumerate(zip(names, wanted, strict=True)):
        if name not in known:
            place = f"tool_choice.allowed_tools.tools[{index}].{member}.name"
            raise InvalidRequest.at(place, f"the request offers no tool {name!r}")
    return [definition for definition in offered if definition.name in names]


def choice(request: chat.ChatRequest) -> ClientChoice:
    """Translate `tool_choice`, or else the older field `function_call`; an absent or empty one is `auto`.

    Raises:
        InvalidRequest: it is neither a known mode nor a function.
    """
    if request.tool_choice is not None:
        return _tool_choice(request.tool_choice)
    if isinstance(request.function_call, chat.NamedFunction):
        return ClientChoice(mode="function", name=request.function_call.name, place="function_call.name")
    if request.function_call is not None:
        return _tool_choice(request.function_call, place="function_call")
    return AUTO


def _definition(tool: chat.Tool, place: str) -> Definition:
    if tool.type == "custom":
        return _custom_definition(tool, f"{place}.custom")
    if tool.type != "function":
        raise InvalidRequest.at(
            f"{place}.type", f"only function and custom tools can be used with Bedrock, got {tool.type!r}"
        )
    function, place = tool.function, f"{place}.function"
    if function is None:
        raise InvalidRequest.at(place, "a function tool needs its function")
    mark = tool.mark or function.cache_control
    return Definition(place=place, function=function, mark=mark)


def _custom_definition(tool: chat.Tool, place: str) -> Definition:
    custom = tool.custom
    if custom is None:
        raise InvalidRequest.at(place, "a custom tool needs its name")
    grammar = custom.format.grammar if custom.format is not None else None
    function = custom_function(custom.name, custom.description, grammar, tool.mark)
    return Definition(place=place, function=function, mark=tool.mark)


def _tool_choice(value: str | chat.NamedToolChoice, place: str = "tool_choice") -> ClientChoice:
    match value:
        case "auto" | "none" | "required":
            return ClientChoice(mode=value, place=place)
        case chat.NamedToolChoice(type=None, function=None):
            return ClientChoice(mode="auto", place=place)
        case chat.NamedToolChoice(type="allowed_tools", allowed_tools=chat.AllowedTools(mode=mode)):
            return ClientChoice(mode=mode, place=f"{place}.allowed_tools.mode")
        case chat.NamedToolChoice(type="function" | None, function=chat.NamedFunction(name=name)):
            return ClientChoice(mode="function", name=name, place=f"{place}.function.name")
        case chat.NamedToolChoice(type="custom", custom=chat.NamedFunction(name=name)):
            return ClientChoice(mode="function", name=name, place=f"{place}.custom.name")
        case chat.NamedToolChoice():
            raise InvalidRequest.at(place, f"expected a function, got type {value.type!r}")
        case _:
            raise InvalidRequest.at(place, f"expected 'auto', 'none', 'required' or a function, got {value!r}")
