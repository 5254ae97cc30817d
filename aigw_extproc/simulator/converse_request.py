"""Accessors for the parts of a Converse request, as decoded JSON whose shape `shapes` has validated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Conversation = Mapping[str, Any]
"""The body of a Converse request, or CountTokens' `input.converse`."""

Message = Mapping[str, Any]


def messages(conversation: Conversation) -> list[tuple[int, Message]]:
    """Return the messages with their indexes."""
    return list(enumerate(conversation.get("messages", ())))


def turns(conversation: Conversation) -> list[tuple[int, Message]]:
    """Return the messages of user and assistant: messages of role system may be between them."""
    return [(index, message) for index, message in messages(conversation) if message["role"] != "system"]


def blocks(conversation: Conversation) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Yield every content block with the indexes of its message and of itself."""
    for i, message in messages(conversation):
        for j, block in enumerate(message["content"]):
            yield i, j, block


def media(conversation: Conversation, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the blocks of a kind, in messages and in their tool results, with their paths."""
    for i, j, block in blocks(conversation):
        path = f"messages.{i}.content.{j}"
        if kind in block:
            yield f"{path}.{kind}", block[kind]
        for k, part in enumerate(block.get("toolResult", {}).get("content", ())):
            if kind in part:
                yield f"{path}.toolResult.content.{k}.{kind}", part[kind]


def tool_use_ids(message: Message, kind: str) -> list[str]:
    """Return the ids of a message's blocks of `kind`: toolUse or toolResult."""
    return [block[kind]["toolUseId"] for block in message["content"] if kind in block]


def tools(conversation: Conversation) -> list[Mapping[str, Any]]:
    """Return the members of toolConfig.tools, cache points included."""
    return list(conversation.get("toolConfig", {}).get("tools", ()))


def tool_specs(conversation: Conversation) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the toolSpecs with their indexes in toolConfig.tools."""
    return ((index, tool["toolSpec"]) for index, tool in enumerate(tools(conversation)) if "toolSpec" in tool)


def tool_names(conversation: Conversation) -> list[str]:
    """Return the names of the tools, in their order."""
    return [spec["name"] for tool in tools(conversation) for kind, spec in tool.items() if kind != "cachePoint"]


def tool_choice(conversation: Conversation) -> Mapping[str, Any]:
    """Return toolConfig.toolChoice, empty where there is none."""
    return conversation.get("toolConfig", {}).get("toolChoice") or {}


def inference_config(conversation: Conversation) -> Mapping[str, Any]:
    """Return inferenceConfig, empty where there is none."""
    return conversation.get("inferenceConfig") or {}


def output_schema(conversation: Conversation) -> str | None:
    """Return the JSON text of the schema in outputConfig.textFormat."""
    text_format = conversation.get("outputConfig", {}).get("textFormat", {})
    schema: str | None = text_format.get("structure", {}).get("jsonSchema", {}).get("schema")
    return schema


def model_field(conversation: Conversation, *path: str) -> Any:
    """Return a value of additionalModelRequestFields; None where it is absent."""
    value: Any = conversation.get("additionalModelRequestFields")
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def without_cache_points(value: Any) -> Any:
    """Return a JSON value without its cachePoint blocks: they mark the prompt, and are no part of it."""
    if isinstance(value, dict):
        return {key: without_cache_points(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_cache_points(inner) for inner in value if not _is_cache_point(inner)]
    return value


def _is_cache_point(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"cachePoint"}
