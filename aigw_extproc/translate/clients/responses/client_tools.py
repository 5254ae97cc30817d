"""The tools that a client runs, and the functions by which a model on Bedrock calls them.

https://platform.openai.com/docs/guides/tools
Every tool becomes a function. `CALLS` says which item a call of it is in a response.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from aigw_extproc.openai import chat
from aigw_extproc.openai.response_tools import CustomTool, ToolSearchTool
from aigw_extproc.translate.clients.chat import custom_tools
from aigw_extproc.wire import given

Kind = Literal["function", "custom", "tool_search", "local_shell", "shell", "apply_patch"]


class ClientTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool by the client's own names."""

    kind: Kind = "function"
    name: str
    namespace: str | None = None

    @property
    def function_name(self) -> str:
        """The name of its function, if no other tool has it."""
        return self.name if self.namespace is None else f"{self.namespace}__{self.name}"


TOOL_SEARCH = ClientTool(kind="tool_search", name="tool_search")
LOCAL_SHELL = ClientTool(kind="local_shell", name="local_shell")
SHELL = ClientTool(kind="shell", name="shell")
APPLY_PATCH = ClientTool(kind="apply_patch", name="apply_patch")


class CallItem(msgspec.Struct, frozen=True, kw_only=True):
    """The item for calls of one kind of tool."""

    type: str
    id: str
    """How its ids begin."""
    text: str | None = None
    """The member with the input, for an input that is streamed as text."""
    members: Callable[[dict[str, Any]], dict[str, Any]] = lambda _arguments: {}
    """The members made of the function's arguments, for any other input."""
    statuses: Mapping[str, str] = {}
    """Replacements for statuses that the item does not have."""


def _local_shell(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"action": {"type": "exec", "command": [], "env": {}, **arguments}}


def _shell(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"action": {"commands": [], "timeout_ms": None, "max_output_length": None, **arguments}}


CALLS: Mapping[Kind, CallItem] = {
    "function": CallItem(type="function_call", id="fc", text="arguments"),
    "custom": CallItem(type="custom_tool_call", id="ctc", text="input"),
    "tool_search": CallItem(
        type="tool_search_call", id="tsc", members=lambda arguments: {"execution": "client", "arguments": arguments}
    ),
    "local_shell": CallItem(type="local_shell_call", id="lsh", members=_local_shell),
    "shell": CallItem(type="shell_call", id="sh", members=_shell),
    "apply_patch": CallItem(
        type="apply_patch_call",
        id="apc",
        members=lambda arguments: {"operation": arguments},
        statuses={"incomplete": "in_progress"},
    ),
}


def _schema(required: tuple[str, ...], **properties: dict[str, Any]) -> msgspec.Raw:
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return msgspec.Raw(msgspec.json.encode(schema))


_STRINGS = {"type": "array", "items": {"type": "string"}}
_MILLISECONDS = {"type": "integer", "description": "Milliseconds until the command is ended"}
_QUERY = _schema(("query",), query={"type": "string", "description": "What the tool should be able to do"})

LOCAL_SHELL_FUNCTION = chat.FunctionDefinition(
    name="local_shell",
    description="Run a command on the user's machine.",
    parameters=_schema(
        ("command",),
        command={**_STRINGS, "description": "The program and its arguments"},
        working_directory={"type": "string"},
        timeout_ms=_MILLISECONDS,
    ),
)
SHELL_FUNCTION = chat.FunctionDefinition(
    name="shell",
    description="Run shell commands on the user's machine, and return what they print.",
    parameters=_schema(
        ("commands",),
        commands={**_STRINGS, "description": "Command lines, each run in a shell of its own"},
        timeout_ms=_MILLISECONDS,
        max_output_length={"type": "integer", "description": "Characters of output to return"},
    ),
)
APPLY_PATCH_FUNCTION = chat.FunctionDefinition(
    name="apply_patch",
    description=(
        "Create, change or delete one file. `diff` has lines that begin with a space (context), `-` (removed) or `+`"
        " (added), in sections that begin with `@@`, without line numbers. The diff of a new file has `+` lines only;"
        " a file is deleted without a diff."
    ),
    parameters=_schema(
        ("type", "path"),
        type={"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
        path={"type": "string"},
        diff={"type": "string"},
    ),
)


def custom_function(tool: CustomTool, name: str) -> chat.FunctionDefinition:
    """Return the function for a custom tool."""
    form = tool.format
    grammar = chat.Grammar(definition=form.definition or "", syntax=form.syntax) if form is not None else None
    return custom_tools.custom_function(name, tool.description, grammar, tool.mark)


def search_function(tool: ToolSearchTool, name: str) -> chat.FunctionDefinition:
    """Return the function by which a model searches the client's tools."""
    description = tool.description or "Search for further tools. Those that are found can be called afterwards."
    return chat.FunctionDefinition(name=name, description=description, parameters=given(tool.parameters) or _QUERY)
