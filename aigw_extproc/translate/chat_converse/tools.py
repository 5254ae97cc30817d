"""Tool definitions and the choice among them.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from aigw_extproc.translate.chat_converse.content import ContentTranslator
from aigw_extproc.translate.converse.schemas import input_schema
from aigw_extproc.translate.converse.tool_names import ToolNames


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A function that a request offers."""

    place: str
    """Its path in the request."""
    function: chat.FunctionDefinition
    mark: chat.CacheMark | None = None

    @property
    def name(self) -> str:
        """As the client calls it."""
        return self.function.name


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the client said about the use of tools, whichever way it said it."""

    mode: str
    """`auto`, `none`, `required`, or `function`."""
    name: str | None = None
    place: str = "tool_choice"

    @property
    def is_forced(self) -> bool:
        """Whether the model is not free to answer without a tool."""
        return self.mode in {"required", "function"}


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides which tools the model gets, and whether it has to use one."""

    offered: Sequence[Definition]
    history: Sequence[str]
    """Names of tools that the history calls."""
    choice: Choice
    answer_tool: chat.FunctionDefinition | None
    """Stands for a structured answer."""
    tools_known: bool
    """Whether the model uses tools at all."""
    forcible: Sequence[str]
    """Choices that the model can be made to obey in this request: `any`, `tool`."""

    def definitions(self) -> list[Definition]:
        """The tools to tell of: Converse wants a toolConfig as soon as the history has tool blocks."""
        found = list(self.offered)
        if self.choice.mode == "none":
            found = []
        elif not found and self.tools_known:
            found = [Definition(place="messages", function=chat.FunctionDefinition(name=name)) for name in self.history]
        if self.answer_tool is not None:
            found.append(Definition(place="response_format.json_schema", function=self.answer_tool))
        return found

    def effective(self) -> Choice:
        """The choice that the model is told: the nearest to the wanted one that it obeys."""
        wanted = self._wanted()
        if wanted.mode == "function" and "tool" not in self.forcible:
            wanted = Choice(mode="required")
        if wanted.mode == "required" and "any" not in self.forcible:
            return _AUTO
        return wanted if wanted.is_forced else _AUTO

    def _wanted(self) -> Choice:
        """A structured answer forces a tool, and any real one will do as well."""
        if self.answer_tool is None:
            return self.choice
        if self.offered and self.choice.mode != "none":
            return Choice(mode="required")
        return Choice(mode="function", name=self.answer_tool.name)


_AUTO = Choice(mode="auto")


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
        raise InvalidRequest("tools: this model uses no tools", param="tools" if request.tools else "functions")
    seen: dict[str, str] = {}
    for definition in found:
        place = f"{definition.place}.name"
        if not definition.name:
            raise InvalidRequest(f"{place}: a tool needs a name", param=place)
        if definition.name in seen:
            raise InvalidRequest(
                f"{place}: {definition.name!r} is already the name of {seen[definition.name]}", param=place
            )
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
    return _AUTO


def tool_configuration(
    selection: Selection, names: ToolNames, family: Family, content: ContentTranslator, dropped: list[str]
) -> ToolConfiguration | None:
    """Converse's toolConfig; None when there is no tool to tell of. `auto` is Bedrock's default and is left out.

    Raises:
        InvalidRequest: a schema is not an object's, or the choice is of a tool that is not offered.
    """
    _check_choice(selection)
    tools = [
        tool for definition in selection.definitions() for tool in _tools(definition, names, family, content, dropped)
    ]
    if not tools:
        return None
    if selection.choice.is_forced and selection.answer_tool is None and selection.effective() != selection.choice:
        dropped.append("tool_choice")
    return ToolConfiguration(tools=tools, tool_choice=_converse_choice(selection.effective(), names))


def serially(request: chat.ChatRequest, selection: Selection) -> bool:
    """Whether the client wants one tool call at a time, and there are tools that it could be about."""
    return request.parallel_tool_calls is False and bool(selection.offered) and selection.choice.mode != "none"


def serial_tool_choice(selection: Selection) -> dict[str, object]:
    """One call at a time, in Claude's own field. It must not say the type again where toolChoice has said it.

    https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use
    """
    told: dict[str, object] = {} if selection.effective().is_forced else {"type": "auto"}
    return told | {"disable_parallel_tool_use": True}


def _check_choice(selection: Selection) -> None:
    choice = selection.choice
    if choice.is_forced and not selection.offered:
        raise InvalidRequest(f"{choice.place}: asks for a tool, but the request offers none", param=choice.place)
    if choice.mode == "function" and choice.name not in {definition.name for definition in selection.offered}:
        raise InvalidRequest(f"{choice.place}: there is no tool named {choice.name!r}", param=choice.place)


def _definition(tool: chat.Tool, index: int) -> Definition:
    function = _function(tool, index)
    mark = tool.cache_control or tool.cache_point or function.cache_control
    return Definition(place=f"tools[{index}].function", function=function, mark=mark)


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


def _converse_choice(choice: Choice, names: ToolNames) -> ToolChoice | None:
    if choice.mode == "auto":
        return None
    if choice.mode == "required":
        return ToolChoice(any=Empty())
    return ToolChoice(tool=NamedTool(name=names.to_bedrock(choice.name or "")))


def _tools(
    definition: Definition, names: ToolNames, family: Family, content: ContentTranslator, dropped: list[str]
) -> Iterator[Tool]:
    function = definition.function
    if function.strict and not family.strict_tools:
        dropped.append("tools.function.strict")
    yield Tool(
        tool_spec=ToolSpecification(
            name=names.to_bedrock(function.name),
            description=function.description or None,
            input_schema=ToolInputSchema(json=input_schema(function.parameters, f"{definition.place}.parameters")),
            strict=True if function.strict and family.strict_tools else None,
        )
    )
    point = content.cache_point(definition.mark, where="tools")
    if point is not None:
        yield Tool(cache_point=point)
