"""Blocks of an assistant message that only Anthropic's own service makes, as text: Bedrock does not take them back.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/server-tools
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

_ENCRYPTED = "encrypted_"
"""How members begin that only Anthropic's service can read."""


def is_server_block(kind: str) -> bool:
    """Return whether a block of this type is a call of a server's tool, its result, or a summary."""
    return kind in {"server_tool_use", "mcp_tool_use", "compaction", "container_upload"} or (
        kind.endswith("_tool_result") and kind != "tool_result"
    )


def server_block_text(block: Mapping[str, object]) -> str:
    """Return what a server's block says to the model; blank if nothing."""
    kind, content = str(block.get("type")), block.get("content")
    if kind == "compaction":
        return content if isinstance(content, str) else ""
    if kind in {"server_tool_use", "mcp_tool_use"}:
        return f"[used {block.get('name')} with {_json(block.get('input') or {})}]"
    if kind.endswith("_tool_result"):
        return f"[{kind.removesuffix('_tool_result')} returned {_json(_readable(content))}]"
    return ""


def tool_reference_text(name: object) -> str:
    """Return what a reference to a tool says to a model that is offered all tools at once."""
    return f"Tool {name} is available now."


def _readable(value: object) -> object:
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if isinstance(value, dict):
        return {
            name: _readable(item)
            for name, item in value.items()
            if item is not None and not name.startswith(_ENCRYPTED)
        }
    return value


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
