"""The body of an Anthropic Messages request in InvokeModel. Unknown fields are errors.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import msgspec

from aigw_extproc.simulator import json_schema
from aigw_extproc.simulator.capabilities import Capabilities
from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.invocation import decode
from aigw_extproc.simulator.model_families import capabilities_of
from aigw_extproc.simulator.rules.turns import NO_SYSTEM_ROLE, misplaced_system

Positive = Annotated[int, msgspec.Meta(ge=1)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Object = dict[str, Any]


class Base64Source(msgspec.Struct, tag_field="type", tag="base64", forbid_unknown_fields=True, frozen=True):
    """Bytes in the request."""

    media_type: str
    data: str

    @property
    def size(self) -> str:
        """Return the number of bytes, as text. Raises Invalid."""
        try:
            return f"{len(base64.b64decode(self.data, validate=True))} bytes"
        except ValueError:
            raise Invalid("source.base64.data: Invalid base64 data") from None


class TextSource(msgspec.Struct, tag_field="type", tag="text", forbid_unknown_fields=True, frozen=True):
    """A plain-text document."""

    media_type: Literal["text/plain"]
    data: str

    @property
    def size(self) -> str:
        """Return the number of characters, as text."""
        return f"{len(self.data)} characters"


class Block(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The common field of all blocks."""

    cache_control: Object | None = None


class TextBlock(Block, tag="text", frozen=True, kw_only=True):
    """Text."""

    text: str
    citations: list[Object] | None = None


class ImageBlock(Block, tag="image", frozen=True, kw_only=True):
    """An image. Bedrock does not support URLs."""

    source: Base64Source


class DocumentBlock(Block, tag="document", frozen=True, kw_only=True):
    """A document."""

    source: Base64Source | TextSource
    title: str | None = None
    context: str | None = None
    citations: Object | None = None


class ToolUseBlock(Block, tag="tool_use", frozen=True, kw_only=True):
    """A tool use of the assistant."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]+$")]
    name: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,128}$")]
    input: Object


class ToolResultBlock(Block, tag="tool_result", frozen=True, kw_only=True):
    """The result of a tool use."""

    tool_use_id: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]+$")]
    content: str | list[TextBlock | ImageBlock | DocumentBlock] = ""
    is_error: bool = False


class ThinkingBlock(Block, tag="thinking", frozen=True, kw_only=True):
    """Reasoning with its signature."""

    thinking: str
    signature: str


class RedactedThinkingBlock(Block, tag="redacted_thinking", frozen=True, kw_only=True):
    """Encrypted reasoning."""

    data: str


AnyBlock = (
    TextBlock | ImageBlock | DocumentBlock | ToolUseBlock | ToolResultBlock | ThinkingBlock | RedactedThinkingBlock
)


class Message(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A turn; a string is short for one text block."""

    role: Literal["user", "assistant", "system"]
    content: str | list[AnyBlock]

    @property
    def blocks(self) -> list[AnyBlock]:
        """Return the content as blocks."""
        return [TextBlock(text=self.content)] if isinstance(self.content, str) else self.content


class ToolDefinition(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A tool of the client."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: Object
    type: Literal["custom"] = "custom"
    description: str = ""
    cache_control: Object | None = None
    strict: bool = False


class ToolChoice(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Whether a tool must be used, and which one."""

    type: Literal["auto", "any", "tool", "none"] = "auto"
    name: str | None = None
    disable_parallel_tool_use: bool = False


class MessagesRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body. It has no `model` and no `stream`: on Bedrock they are in the path."""

    anthropic_version: Literal["bedrock-2023-05-31"]
    max_tokens: Positive
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    anthropic_beta: list[str] = []
    context_management: Object | None = None
    metadata: Object | None = None
    output_config: Object | None = None
    stop_sequences: list[str] = []
    system: str | list[TextBlock] = ""
    temperature: Fraction | None = None
    thinking: Object | None = None
    tool_choice: ToolChoice = ToolChoice()
    tools: list[ToolDefinition] = []
    top_k: Annotated[int, msgspec.Meta(ge=0)] | None = None
    top_p: Fraction | None = None


def parse(body: bytes, model_id: str = "") -> MessagesRequest:
    """Decode and check a body for a model. Raises Invalid."""
    request = decode(body, MessagesRequest)
    _check_messages(request.messages)
    _check_system(request.messages, capabilities_of(model_id))
    _check_tools(request.tools)
    return request


def _check_messages(messages: list[Message]) -> None:
    if messages[0].role == "assistant":
        raise Invalid("messages: first message must use the user role")
    for i, message in enumerate(messages):
        for j, block in enumerate(message.blocks):
            if isinstance(block, TextBlock) and not block.text.strip():
                raise Invalid(f"messages.{i}.content.{j}: text content blocks must contain non-whitespace text")


def _check_system(messages: list[Message], family: Capabilities) -> None:
    roles = [message.role for message in messages]
    if "system" in roles and not family.system_role:
        raise Invalid(NO_SYSTEM_ROLE)
    for problem in misplaced_system(roles):
        raise Invalid(problem)
    for i, message in enumerate(messages):
        for j, block in enumerate(message.blocks):
            if message.role == "system" and not isinstance(block, TextBlock):
                raise Invalid(f"messages.{i}.content.{j}: only text is supported in a message of role 'system'")


def _check_tools(tools: list[ToolDefinition]) -> None:
    if len({tool.name for tool in tools}) < len(tools):
        raise Invalid("tools: Tool names must be unique.")
    for index, tool in enumerate(tools):
        if not json_schema.is_valid(tool.input_schema):
            raise Invalid(f"tools.{index}.custom.input_schema: {json_schema.INVALID}")
