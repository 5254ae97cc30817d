"""A Converse request, after `shapes.validate`, as the rules look at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aigw_extproc.simulator.capabilities import Capabilities
from aigw_extproc.simulator.errors import ServiceError

Conversation = Mapping[str, Any]
"""`messages`, `system`, `toolConfig`: of a Converse request, or of CountTokens' `input.converse`."""

Message = Mapping[str, Any]

Problems = Iterator[str | ServiceError]
"""What a rule yields: what is wrong; a text stands for a ValidationException."""

MODEL_ERRORS = "The model returned the following errors:"
"""How texts begin that come from the model's own API, behind Converse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A conversation with the model that it is for."""

    conversation: Conversation
    model_id: str
    family: Capabilities
    streamed: bool

    @property
    def is_claude(self) -> bool:
        """Errors are in the words of Anthropic's API."""
        return self.family.provider == "anthropic"


def unsupported(field: str, where: str = "") -> str:
    """How Converse refuses a field that only other models have."""
    return f"This model doesn't support the {field} field{where}. Remove {field} and try again."


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


def output_schema(conversation: Conversation) -> str | None:
    """The schema in outputConfig, as the text that it is."""
    text_format = conversation.get("outputConfig", {}).get("textFormat", {})
    schema: str | None = text_format.get("structure", {}).get("jsonSchema", {}).get("schema")
    return schema


def specs(conversation: Conversation) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The toolSpecs, with their places among the tools."""
    for index, tool in enumerate(conversation.get("toolConfig", {}).get("tools", ())):
        if "toolSpec" in tool:
            yield index, tool["toolSpec"]


def repeated(names: list[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
