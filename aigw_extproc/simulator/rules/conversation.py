"""A Converse request, after `shapes.validate`, as the rules look at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Conversation = Mapping[str, Any]
"""`messages`, `system`, `toolConfig`: of a Converse request, or of CountTokens' `input.converse`."""

Message = Mapping[str, Any]

Problems = Iterator[str]
"""What a rule yields: the texts of what is wrong."""


def tool_names(conversation: Conversation) -> list[str]:
    """The names in toolConfig, in order."""
    tools = conversation.get("toolConfig", {}).get("tools", ())
    return [spec["name"] for tool in tools for kind, spec in tool.items() if kind != "cachePoint"]


def messages(conversation: Conversation) -> list[tuple[int, Message]]:
    return list(enumerate(conversation.get("messages", ())))


def turns(conversation: Conversation) -> list[tuple[int, Message]]:
    """The messages of the dialogue proper: instructions of role system may stand between them."""
    return [(index, message) for index, message in messages(conversation) if message["role"] != "system"]


def blocks(conversation: Conversation) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    for i, message in messages(conversation):
        for j, block in enumerate(message["content"]):
            yield i, j, block


def media(conversation: Conversation, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Blocks of a kind, in messages and within their tool results, with their paths."""
    for i, j, block in blocks(conversation):
        path = f"messages.{i}.content.{j}"
        if kind in block:
            yield f"{path}.{kind}", block[kind]
        for k, part in enumerate(block.get("toolResult", {}).get("content", ())):
            if kind in part:
                yield f"{path}.toolResult.content.{k}.{kind}", part[kind]


def ids(message: Mapping[str, Any], kind: str) -> list[str]:
    return [block[kind]["toolUseId"] for block in message["content"] if kind in block]


def repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
