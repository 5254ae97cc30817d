"""The tools of the Responses API.

https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
Functions and the other tools that the client runs are declared here; any other type is a tool that only OpenAI's own
servers run, such as `web_search`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from aigw_extproc import wire
from aigw_extproc.openai.chat import Markable


class FunctionTool(Markable, frozen=True, kw_only=True):
    """A function, whose input is JSON."""

    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw()
    strict: bool | None = None
    defer_loading: bool | None = None


class InputFormat(msgspec.Struct, frozen=True, kw_only=True):
    """The format of a custom tool's input: any text, or text by a grammar."""

    type: str = "text"
    syntax: str | None = None
    definition: str | None = None


class CustomTool(Markable, frozen=True, kw_only=True):
    """A tool whose input is a text."""

    name: str
    description: str | None = None
    format: InputFormat | None = None
    defer_loading: bool | None = None


class NamespaceTool(msgspec.Struct, frozen=True, kw_only=True):
    """Functions and custom tools under a common name, such as those of an MCP server."""

    name: str
    description: str | None = None
    tools: wire.Tools[msgspec.Raw] = []  # msgspec copies mutable defaults


class ToolSearchTool(msgspec.Struct, frozen=True, kw_only=True):
    """A search for further tools, run by OpenAI or by the client."""

    execution: Literal["server", "client"] | None = None
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw()


class LocalShellTool(msgspec.Struct, frozen=True):
    """A shell of the client's, for one command a call."""


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    type: str | None = None


class ShellTool(msgspec.Struct, frozen=True, kw_only=True):
    """A shell of the client's, or in a container of OpenAI's."""

    environment: Environment | None = None

    @property
    def is_hosted(self) -> bool:
        """Whether OpenAI runs it."""
        return self.environment is not None and self.environment.type not in {None, "local"}


class ApplyPatchTool(msgspec.Struct, frozen=True):
    """Changes of files, which the client applies."""


class ServerTool(msgspec.Struct, frozen=True, kw_only=True):
    """Any other tool."""

    type: str


Tool = (
    FunctionTool
    | CustomTool
    | NamespaceTool
    | ToolSearchTool
    | LocalShellTool
    | ShellTool
    | ApplyPatchTool
    | ServerTool
)

_SERVER_TOOL = msgspec.json.Decoder(ServerTool)
_TOOLS: Mapping[str, msgspec.json.Decoder[Tool]] = {
    "function": msgspec.json.Decoder(FunctionTool),
    "custom": msgspec.json.Decoder(CustomTool),
    "namespace": msgspec.json.Decoder(NamespaceTool),
    "tool_search": msgspec.json.Decoder(ToolSearchTool),
    "local_shell": msgspec.json.Decoder(LocalShellTool),
    "shell": msgspec.json.Decoder(ShellTool),
    "apply_patch": msgspec.json.Decoder(ApplyPatchTool),
}


def decode_tool(raw: msgspec.Raw, place: str) -> Tool:
    """Decode a tool; `place` is its path in the request.

    Raises:
        InvalidRequest: a field has the wrong type.
    """
    kind = wire.decode_at(_SERVER_TOOL, raw, place).type
    decoder = _TOOLS.get(kind)
    return ServerTool(type=kind) if decoder is None else wire.decode_at(decoder, raw, place)
