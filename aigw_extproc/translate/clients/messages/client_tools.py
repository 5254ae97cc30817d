"""Anthropic's tools that the client runs, as functions with the input that Anthropic documents.

https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/bash-tool
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/text-editor-tool
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/memory-tool
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_STRING: Final[dict[str, Any]] = {"type": "string"}
_LINE: Final[dict[str, Any]] = {"type": "integer"}
_EDITS: Final = {
    "path": _STRING,
    "file_text": {**_STRING, "description": "The content of the file that `create` writes"},
    "old_str": {**_STRING, "description": "The text that `str_replace` replaces; it has to occur exactly once"},
    "new_str": {**_STRING, "description": "The text in its place"},
    "insert_line": {**_LINE, "description": "The line after which `insert` inserts; 0 for the beginning"},
    "insert_text": {**_STRING, "description": "The text that `insert` inserts"},
    "view_range": {"type": "array", "items": _LINE, "description": "The first and the last line that `view` shows"},
}
_RENAME: Final = {"old_path": _STRING, "new_path": _STRING}


def _schema(required: tuple[str, ...], properties: Mapping[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode({"type": "object", "properties": properties, "required": required}))


def _commands(*names: str) -> dict[str, Any]:
    return {"command": {"type": "string", "enum": names}}


class ClientTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the client runs."""

    description: str
    input_schema: msgspec.Raw


_BASH = ClientTool(
    description="Run a command in a bash session that keeps its state. `restart` begins a new session.",
    input_schema=_schema((), {"command": _STRING, "restart": {"type": "boolean"}}),
)
_EDITOR = ClientTool(
    description="View, create and edit text files.",
    input_schema=_schema(("command", "path"), _commands("view", "create", "str_replace", "insert") | _EDITS),
)
_EDITOR_WITH_UNDO = ClientTool(
    description="View, create and edit text files, and undo the last edit of a file.",
    input_schema=_schema(
        ("command", "path"), _commands("view", "create", "str_replace", "insert", "undo_edit") | _EDITS
    ),
)
_MEMORY = ClientTool(
    description=(
        "Keep notes between conversations, as files below /memories. View that folder first, for what earlier"
        " conversations have noted."
    ),
    input_schema=_schema(
        ("command",),
        _commands("view", "create", "str_replace", "insert", "delete", "rename") | _EDITS | _RENAME,
    ),
)

CLIENT_TOOLS: Final[Mapping[str, ClientTool]] = {
    "bash_20241022": _BASH,
    "bash_20250124": _BASH,
    "text_editor_20241022": _EDITOR_WITH_UNDO,
    "text_editor_20250124": _EDITOR_WITH_UNDO,
    "text_editor_20250429": _EDITOR,
    "text_editor_20250728": _EDITOR,
    "memory_20250818": _MEMORY,
}
"""By the tool's type."""
