"""Tool definitions and the choice among them.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from aigw_extproc.bedrock.converse import (
    Empty,
    NamedTool,
    Tool,
    ToolChoice,
    ToolConfiguration,
    ToolInputSchema,
    ToolSpecification,
)
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.chat_converse.tool_names import ToolNames

_AUTO = ToolChoice(auto=Empty())
_ANY = ToolChoice(any=Empty())
_NO_ARGUMENTS = msgspec.Raw(b'{"type":"object","properties":{}}')
_SCHEMA = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULLABLE = ("properties", "required")
_IDENTIFYING = ("$schema", "$id")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the client said about the use of tools, whichever way it said it."""

    mode: str
    """`auto`, `none`, `required`, or `function`."""
    name: str | None = None
    place: str = "tool_choice"


def definitions(request: chat.ChatRequest) -> list[tuple[str, chat.FunctionDefinition]]:
    """The functions that a request offers, each with its path: `tools`, or `functions` as it was before.

    Raises:
        InvalidRequest: a tool is not a function, a name is empty or used twice.
    """
    found = [(f"tools[{i}].function", _function(tool, i)) for i, tool in enumerate(request.tools or ())]
    if not found:
        found = [(f"functions[{i}]", function) for i, function in enumerate(request.functions or ())]
    seen: dict[str, str] = {}
    for place, function in found:
        if not function.name:
            raise InvalidRequest(f"{place}.name: a tool needs a name", param=f"{place}.name")
        if function.name in seen:
            raise InvalidRequest(
                f"{place}.name: {function.name!r} is already the name of {seen[function.name]}",
                param=f"{place}.name",
            )
        seen[function.name] = place
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
    return Choice(mode="auto")


def tool_configuration(
    functions: Sequence[tuple[str, chat.FunctionDefinition]], choice: Choice, names: ToolNames, family: Family
) -> ToolConfiguration:
    """Converse's toolConfig for at least one function. `auto` is Bedrock's default and is left out.

    Raises:
        InvalidRequest: a schema is not an object's, or the chosen function is not offered.
    """
    if choice.mode == "function" and choice.name not in {function.name for _, function in functions}:
        raise InvalidRequest(f"{choice.place}: there is no tool named {choice.name!r}", param=choice.place)
    tools = [Tool(tool_spec=_specification(place, function, names)) for place, function in functions]
    return ToolConfiguration(tools=tools, tool_choice=_converse_choice(choice, names, family))


def from_history(history: Iterable[str]) -> list[tuple[str, chat.FunctionDefinition]]:
    """Definitions for tools that are called in the history but not offered any more: Converse wants a toolConfig
    as soon as there are tool blocks."""
    return [("messages", chat.FunctionDefinition(name=name)) for name in history]


def anthropic_choice(choice: Choice, names: ToolNames) -> dict[str, object]:
    """The same choice in Claude's own words, for its request fields: they replace toolChoice as a whole.

    https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use
    """
    if choice.mode == "function":
        return {"type": "tool", "name": names.to_bedrock(choice.name or "")}
    return {"type": "any" if choice.mode == "required" else "auto"}


def is_forced(choice: Choice) -> bool:
    """Whether the model is not free to answer without a tool."""
    return choice.mode in {"required", "function"}


def _function(tool: chat.Tool, index: int) -> chat.FunctionDefinition:
    if tool.type != "function":
        raise InvalidRequest(
            f"tools[{index}].type: only function tools can be used with Bedrock, got {tool.type!r}",
            param=f"tools[{index}].type",
        )
    if tool.function is None:
        raise InvalidRequest(
            f"tools[{index}].function: a function tool needs its function", param=f"tools[{index}].function"
        )
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
            raise InvalidRequest(f"{place}: expected a function, got type {value.type!r}", param=place)
    raise InvalidRequest(f"{place}: expected 'auto', 'none', 'required' or a function, got {value!r}", param=place)


def _converse_choice(choice: Choice, names: ToolNames, family: Family) -> ToolChoice | None:
    if choice.mode == "auto" or not family.forced_tool_choice:
        return None
    if choice.mode == "required":
        return _ANY
    return ToolChoice(tool=NamedTool(name=names.to_bedrock(choice.name or "")))


def _specification(place: str, function: chat.FunctionDefinition, names: ToolNames) -> ToolSpecification:
    schema = ToolInputSchema(json=input_schema(function.parameters, f"{place}.parameters"))
    return ToolSpecification(
        name=names.to_bedrock(function.name), description=function.description or None, input_schema=schema
    )


def input_schema(parameters: msgspec.Raw, place: str) -> msgspec.Raw:
    """A function's parameters as Bedrock takes them: an object's schema. One that is fine already is not touched.

    Raises:
        InvalidRequest: the schema is not one of an object.
    """
    if bytes(parameters).strip() in {b"", b"null", b"{}"}:
        return _NO_ARGUMENTS
    try:
        schema = _SCHEMA.decode(parameters)
    except msgspec.ValidationError:
        raise InvalidRequest(f"{place}: expected a JSON schema of an object", param=place) from None
    if not schema:
        return _NO_ARGUMENTS
    root = bytes(schema.get("type", msgspec.Raw(b"null")))
    if root not in {b'"object"', b"null"}:
        raise InvalidRequest(
            f"{place}.type: the arguments of a function are an object, got {root.decode()}",
            param=f"{place}.type",
        )
    unwanted = [name for name in _IDENTIFYING if name in schema]
    unwanted += [name for name in _NULLABLE if bytes(schema.get(name, msgspec.Raw(b""))) == b"null"]
    if root == b'"object"' and not unwanted:
        return parameters
    kept = {name: value for name, value in schema.items() if name not in {*unwanted, "type"}}
    return msgspec.Raw(msgspec.json.encode({"type": "object", **kept}))
