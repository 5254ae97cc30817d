"""Tool definitions and the choice among them.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
from msgspec.structs import replace

from aigw_extproc.bedrock.converse import (
    Empty,
    NamedTool,
    SystemTool,
    Tool,
    ToolChoice,
    ToolConfiguration,
    ToolInputSchema,
    ToolSpecification,
)
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.converse.caching import CachePoints, Mark
from aigw_extproc.translate.converse.schemas.tool import InputSchema, input_schema
from aigw_extproc.translate.converse.tool_names import ToolNames


class Function(Protocol):
    """A function that a client defines."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str | None: ...
    @property
    def parameters(self) -> msgspec.Raw:
        """The JSON schema of its input; empty if the client gives none."""

    @property
    def strict(self) -> bool | None: ...


class ToolFunction(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `Function`."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw()
    strict: bool | None = None


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A function that a request offers."""

    place: str
    """Its path in the request."""
    schema_field: str = "parameters"
    """The field of its JSON schema."""
    function: Function
    mark: Mark | None = None

    @property
    def name(self) -> str:
        """As the client calls it."""
        return self.function.name

    def schema(self, family: Family) -> InputSchema:
        """Return the schema of its input. Raises InvalidRequest if it is not of an object."""
        place = f"{self.place}.{self.schema_field}"
        return input_schema(self.function.parameters, place, family, strict=bool(self.function.strict))


class ClientChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The client's choice among its tools."""

    mode: str
    """`auto`, `none`, `required`, or `function`."""
    name: str | None = None
    place: str = "tool_choice"

    @property
    def is_forced(self) -> bool:
        """Whether the model must use a tool."""
        return self.mode in {"required", "function"}


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The facts that decide which tools the model gets, and whether it must use one."""

    offered: Sequence[Definition]
    history: Sequence[str]
    """Names of tools that the history calls."""
    choice: ClientChoice
    answer_tool: Definition | None
    """The tool whose input is a structured answer."""
    tools_known: bool
    """Whether the model supports tools."""
    forcible: Sequence[str]
    """The choices that can be forced in this request: `any`, `tool`."""

    def definitions(self) -> list[Definition]:
        """Return the tools to send: Converse requires a toolConfig if the history has tool blocks."""
        definitions = list(self.offered)
        if self.choice.mode == "none":
            definitions = []
        elif not definitions and self.tools_known:
            definitions = [Definition(place="messages", function=ToolFunction(name=name)) for name in self.history]
        if self.answer_tool is not None:
            definitions.append(self.answer_tool)
        return definitions

    def effective(self) -> ClientChoice:
        """Return the choice to send: the nearest to the client's that can be forced."""
        wanted = self._wanted()
        if wanted.mode == "function" and "tool" not in self.forcible:
            wanted = ClientChoice(mode="required")
        if wanted.mode == "required" and "any" not in self.forcible:
            return AUTO
        return wanted if wanted.is_forced else AUTO

    def _wanted(self) -> ClientChoice:
        """Return the choice to force: for a structured answer any tool, unless the client chooses one."""
        if self.answer_tool is None or self.choice.is_forced:
            return self.choice
        if self.offered and self.choice.mode != "none":
            return ClientChoice(mode="required")
        return ClientChoice(mode="function", name=self.answer_tool.name)


AUTO = ClientChoice(mode="auto")
_INDEX = re.compile(r"\[\d+\]")


def tool_configuration(
    selection: Selection, names: ToolNames, family: Family, cache: CachePoints, dropped: list[str]
) -> ToolConfiguration | None:
    """Return Converse's toolConfig; None without tools. `auto` is Bedrock's default and is left out.

    Raises:
        InvalidRequest: a schema is not of an object, or the chosen tool is not offered.
    """
    _check_choice(selection)
    tools = [
        tool for definition in selection.definitions() for tool in _tools(definition, names, family, cache, dropped)
    ]
    if not tools:
        return None
    if selection.choice.is_forced and selection.effective() != selection.choice:
        dropped.append("tool_choice")
    return ToolConfiguration(tools=tools, tool_choice=_converse_choice(selection.effective(), names))


def with_web_search(configuration: ToolConfiguration | None, family: Family) -> ToolConfiguration:
    """Return the toolConfig with the tool by which the family searches the web.

    https://docs.aws.amazon.com/nova/latest/nova2-userguide/web-grounding.html
    """
    search = Tool(system_tool=SystemTool(family.web_search))
    if configuration is None:
        return ToolConfiguration(tools=[search])
    return replace(configuration, tools=[*configuration.tools, search])


def serial_tool_choice(selection: Selection) -> dict[str, object]:
    """Return Claude's own field for one call at a time, without the type if toolChoice has it.

    https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use
    """
    mode: dict[str, object] = {} if selection.effective().is_forced else {"type": "auto"}
    return mode | {"disable_parallel_tool_use": True}


def _check_choice(selection: Selection) -> None:
    choice = selection.choice
    if choice.is_forced and not selection.offered:
        raise InvalidRequest.at(choice.place, "asks for a tool, but the request offers none")
    if choice.mode == "function" and choice.name not in {definition.name for definition in selection.offered}:
        raise InvalidRequest.at(choice.place, f"there is no tool named {choice.name!r}")


def _converse_choice(choice: ClientChoice, names: ToolNames) -> ToolChoice | None:
    if choice.mode == "auto":
        return None
    if choice.mode == "required":
        return ToolChoice(any=Empty())
    return ToolChoice(tool=NamedTool(name=names.to_bedrock(choice.name or "")))


def _tools(
    definition: Definition, names: ToolNames, family: Family, cache: CachePoints, dropped: list[str]
) -> Iterator[Tool]:
    function, schema = definition.function, definition.schema(family)
    if function.strict and not schema.is_bound:
        dropped.append(f"{_INDEX.sub('', definition.place)}.strict")
    yield Tool(
        tool_spec=ToolSpecification(
            name=names.to_bedrock(function.name),
            description=function.description or None,
            input_schema=ToolInputSchema(json=schema.json),
            strict=True if schema.is_bound else None,
        )
    )
    point = cache.point(definition.mark, where="tools")
    if point is not None:
        yield Tool(cache_point=point)


def tool_names(offered: Sequence[Definition], history: Sequence[str], family: Family) -> ToolNames:
    """Return the names of the tools that a request offers, and of those that its history calls.

    Raises:
        InvalidRequest: a schema is not of an object.
    """
    names = ToolNames.of([*(definition.name for definition in offered), *history], hyphens=family.tool_name_hyphens)
    for definition in offered:
        names = names.with_parameters(definition.name, definition.schema(family).aliases)
    return names


def check_definitions(definitions: Sequence[Definition], family: Family, field: str) -> None:
    """Check the tools that a request offers; `field` is the path of their list.

    Raises:
        InvalidRequest: the model does not support tools, or a name is empty or used twice.
    """
    if definitions and not family.tools:
        raise InvalidRequest.at(field, "this model does not support tools")
    names: set[str] = set()
    for definition in definitions:
        place = f"{definition.place}.name"
        if not definition.name:
            raise InvalidRequest.at(place, "a tool needs a name")
        if definition.name in names:
            raise InvalidRequest.at(place, f"{definition.name!r} is already the name of another tool")
        names.add(definition.name)


def forcible_choices(family: Family, *, reasons: bool) -> Sequence[str]:
    """Return the tool choices that the model can be made to obey, when it reasons or not: `any`, `tool`."""
    return () if reasons and not family.forced_while_reasoning else family.tool_choice


def serial_fields(selection: Selection, family: Family, parameter: str, dropped: list[str]) -> dict[str, object]:
    """Return the model's own fields that limit it to one tool call at a time.

    Without tools there are none. Where the model has no such field, `parameter` is added to `dropped`.
    """
    if not selection.offered or selection.choice.mode == "none":
        return {}
    if family.serial_tools != "tool_choice":
        dropped.append(parameter)
        return {}
    return {"tool_choice": serial_tool_choice(selection)}


def can_stream(configuration: ToolConfiguration | None, family: Family) -> bool:
    """Return whether the model can stream its response: some models cannot stream with tools."""
    return configuration is None or family.streaming_tools
