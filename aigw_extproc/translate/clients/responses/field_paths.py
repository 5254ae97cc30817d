"""Paths of fields in a chat completion request → paths in the Responses request that it was made from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aigw_extproc.openai import chat
from aigw_extproc.translate.clients.responses.messages import ChatMessages

_PARAMETERS = {
    "response_format.json_schema": "text.format",
    "response_format": "text.format",
    "max_completion_tokens": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "tools.function": "tools",
    "tool_choice.function": "tool_choice",
    "messages": "input",
}
"""By the prefix of a path, longer prefixes first."""
_ITEM = re.compile(r"(?P<list>messages|tools)\[(?P<index>\d+)\](?P<rest>.*)")
_TOOL_CALL = re.compile(r"\.tool_calls\[\d+\]\.function")


@dataclass(frozen=True)
class FieldPaths:
    """Translates the paths of one request."""

    messages: ChatMessages
    tools: Sequence[str]
    """For each tool of the chat, its path in the Responses request."""

    def of(self, path: str) -> str:
        """Return the path in the Responses request for a path in the chat completion request."""
        item = _ITEM.fullmatch(path)
        if item is None:
            return _parameter(path)
        index, rest = int(item["index"]), item["rest"]
        if item["list"] == "tools":
            return self.tools[index] + rest.removeprefix(".function")
        place = self.messages.places[index]
        if not place.endswith("]"):  # `input` or `instructions`: a string
            return place
        return place + _member(rest, is_output=isinstance(self.messages.messages[index], chat.ToolMessage))


def _parameter(path: str) -> str:
    for prefix, name in _PARAMETERS.items():
        if path == prefix or path.startswith(f"{prefix}."):
            return name + path.removeprefix(prefix)
    return path


def _member(rest: str, *, is_output: bool) -> str:
    """Return the path within an item for a path within a message."""
    if is_output and rest.startswith(".content"):
        return ".output" + rest.removeprefix(".content")
    if rest.startswith(".tool_calls"):
        inside = _TOOL_CALL.match(rest)
        return rest[inside.end() :] if inside else ".call_id"
    if rest == ".tool_call_id":
        return ".call_id"
    return rest.replace(".file.file_data", ".file_data")
