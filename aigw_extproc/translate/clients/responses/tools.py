"""The tools of a Responses request → the functions of a chat.

https://platform.openai.com/docs/guides/function-calling
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat, responses
from aigw_extproc.openai import response_items as items
from aigw_extproc.openai import response_tools as wire_tools
from aigw_extproc.translate.clients.responses.client_tools import (
    APPLY_PATCH,
    APPLY_PATCH_FUNCTION,
    CALLS,
    LOCAL_SHELL,
    LOCAL_SHELL_FUNCTION,
    SHELL,
    SHELL_FUNCTION,
    TOOL_SEARCH,
    ClientTool,
    custom_function,
    search_function,
)
from aigw_extproc.translate.clients.responses.history import PlacedItem
from aigw_extproc.wire import MAX_TOOLS

_DEFINED = {
    wire_tools.LocalShellTool: (LOCAL_SHELL, LOCAL_SHELL_FUNCTION),
    wire_tools.ShellTool: (SHELL, SHELL_FUNCTION),
    wire_tools.ApplyPatchTool: (APPLY_PATCH, APPLY_PATCH_FUNCTION),
}
"""Tools whose input OpenAI has defined."""

_WEB_SEARCHES = frozenset(
    {"web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"}
)
Offer: TypeAlias = tuple[str, ClientTool, chat.FunctionDefinition]
"""A tool's path in the request, the tool, and its function."""


class Tools:
    """The functions for the tools of one request, and for those that its history calls.

    Names are given in the order of the request, so that later turns of a conversation do not change them.
    """

    def __init__(
        self, request: responses.ResponsesRequest, history: Sequence[PlacedItem], *, searches: bool = False
    ) -> None:
        """`searches` is true for a model that searches the web itself.

        Raises:
            InvalidRequest: a tool has a wrong field, or the choice cannot be met.
        """
        self.web_search = False
        """Whether the request offers a search of the web, and the model has one."""
        self._searches = searches
        self.by_function: dict[str, ClientTool] = {}
        self.dropped: list[str] = []
        self._names: dict[ClientTool, str] = {}
        self._offered: list[Offer] = []
        self._known: set[ClientTool] = set()
        """The tools in `_offered`."""
        for index, raw in enumerate(request.tools or ()):
            self._offer(raw, f"tools[{index}]")
        for path, item in history:
            if isinstance(item, (items.AdditionalTools, items.ToolSearchOutput)):
                for number, raw in enumerate(item.tools):
                    self._offer(raw, f"{path}.tools[{number}]", again=True)
        if len(self._offered) > MAX_TOOLS:
            raise InvalidRequest.at(
                "tools", f"has {len(self._offered)} tools with those of namespaces, {MAX_TOOLS} fit"
            )
        self._allow(request.tool_choice)

    @property
    def places(self) -> list[str]:
        """For each function, the path of its tool in the request."""
        return [place for place, _, _ in self._offered]

    @property
    def functions(self) -> list[chat.Tool]:
        """The functions of the tools that are offered."""
        return [
            chat.Tool(type="function", function=function, cache_control=function.cache_control)
            for _, _, function in self._offered
        ]

    def function_of(self, tool: ClientTool) -> str:
        """Return the name of the function for a tool, the same for every call of it."""
        if tool not in self._names:
            name, number = tool.function_name, 1
            while name in self.by_function:
                number += 1
                name = f"{tool.function_name}_{number}"
            self._names[tool], self.by_function[name] = name, tool
        return self._names[tool]

    def choice(self, wanted: str | responses.NamedToolChoice | None) -> str | chat.NamedToolChoice | None:
        """Translate `tool_choice`.

        Raises:
            InvalidRequest: it asks for a tool that only OpenAI runs.
        """
        if wanted is None or isinstance(wanted, str):
            return wanted
        if wanted.type == "allowed_tools":
            return wanted.mode
        if f"tools:{wanted.type}" in self.dropped or wanted.type not in CALLS:
            raise InvalidRequest.at(
                "tool_choice.type", f"the model cannot be made to use {wanted.type!r}, which OpenAI's own servers run"
            )
        tool = self._find(wanted)
        name = self._names[tool] if tool else wanted.name or wanted.type
        return chat.NamedToolChoice(type="function", function=chat.NamedFunction(name=name))

    def _offer(self, raw: msgspec.Raw, place: str, *, again: bool = False) -> None:
        """Add the functions of a tool. `again` ignores one that is offered already."""
        for path, tool, function in self._functions(raw, place, None):
            if not (again and tool in self._known):
                self._offered.append((path, tool, function))
                self._known.add(tool)

    def _functions(self, raw: msgspec.Raw, place: str, namespace: str | None) -> Iterator[Offer]:
        """Yield the functions for a tool; one that only OpenAI runs has none, and is reported as dropped."""
        tool = wire_tools.decode_tool(raw, place)
        match tool:
            case wire_tools.FunctionTool() | wire_tools.CustomTool():
                if tool.defer_loading and place.startswith("tools"):  # those in items have been loaded
                    self._drop("tools.defer_loading")
                yield self._named(tool, place, namespace)
            case wire_tools.NamespaceTool():
                yield from self._members(tool, place)
            case wire_tools.ToolSearchTool(execution="client"):
                yield place, TOOL_SEARCH, search_function(tool, self.function_of(TOOL_SEARCH))
            case wire_tools.ToolSearchTool():
                self._drop("tools:tool_search")
            case wire_tools.ServerTool(type=kind):
                self._serve(kind)
            case _:
                yield from self._defined(tool, place)

    def _members(self, tool: wire_tools.NamespaceTool, place: str) -> Iterator[Offer]:
        """Yield the functions of a namespace. Its description precedes that of the first one."""
        about = f"Of the tools {tool.name}__*: {tool.description}" if tool.description else ""
        for index, member in enumerate(tool.tools):
            for path, known, function in self._functions(member, f"{place}.tools[{index}]", tool.name):
                description = f"{about}\n\n{function.description or ''}".strip() or None
                yield path, known, msgspec.structs.replace(function, description=description)
                about = ""

    def _defined(
        self, tool: wire_tools.LocalShellTool | wire_tools.ShellTool | wire_tools.ApplyPatchTool, place: str
    ) -> Iterator[Offer]:
        if isinstance(tool, wire_tools.ShellTool) and tool.is_hosted:
            self._drop("tools:shell")
            return
        known, function = _DEFINED[type(tool)]
        yield place, known, msgspec.structs.replace(function, name=self.function_of(known))

    def _named(self, tool: wire_tools.FunctionTool | wire_tools.CustomTool, place: str, namespace: str | None) -> Offer:
        if isinstance(tool, wire_tools.CustomTool):
            known = ClientTool(kind="custom", name=tool.name, namespace=namespace)
            return place, known, custom_function(tool, self.function_of(known))
        known = ClientTool(name=tool.name or "", namespace=namespace)
        function = chat.FunctionDefinition(
            name=self.function_of(known) if tool.name else "",
            description=tool.description,
            parameters=tool.parameters,
            strict=tool.strict,
            cache_control=tool.mark,
        )
        return place, known, function

    def _serve(self, kind: str) -> None:
        """Offer a tool that the model runs itself, or drop it."""
        if self._searches and kind in _WEB_SEARCHES:
            self.web_search = True
        else:
            self._drop(f"tools:{kind}")

    def _drop(self, name: str) -> None:
        if name not in self.dropped:
            self.dropped.append(name)

    def _allow(self, choice: str | responses.NamedToolChoice | None) -> None:
        """Keep the tools that `tool_choice` allows."""
        if not isinstance(choice, responses.NamedToolChoice) or choice.type != "allowed_tools":
            return
        allowed: set[ClientTool] = set()
        for index, wanted in enumerate(choice.tools):
            found = self._find(wanted)
            if found is not None:
                allowed.add(found)
            elif wanted.type in CALLS:
                place = f"tool_choice.tools[{index}].name"
                raise InvalidRequest.at(place, f"the request offers no tool {wanted.name or wanted.type!r}")
            elif not (self.web_search and wanted.type in _WEB_SEARCHES):
                self._drop(f"tools:{wanted.type}")
        self._offered = [offer for offer in self._offered if offer[1] in allowed]

    def _find(self, wanted: responses.NamedTool | responses.NamedToolChoice) -> ClientTool | None:
        """Return the offered tool of this type and name; a namespace may be left out where that is unambiguous."""
        found = [
            tool
            for _, tool, _ in self._offered
            if tool.kind == wanted.type
            and tool.name == (wanted.name or wanted.type)
            and wanted.namespace in {None, tool.namespace}
        ]
        return next((tool for tool in found if tool.namespace == wanted.namespace), found[0] if found else None)
