"""Messages: the request, as clients send it.

https://docs.anthropic.com/en/api/messages
A backend that speaks the API itself gets the body as it came, so what stands in it is decoded by those translations
only that have to understand it. Top-level fields that are not declared are collected by name, so that they can be
reported as dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

import msgspec

from aigw_extproc import wire

BETA_HEADER = "anthropic-beta"


class MessagesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to create a message, or to count its tokens, before anybody has to understand it."""

    model: str
    stream: bool | None = None
    body: bytes = b""
    """As it came: JSON, an object, UTF-8."""
    betas: tuple[str, ...] = ()
    """Features that the client asks for by name, in the header or in the body."""


class CacheControl(msgspec.Struct, frozen=True):
    """Cache the prompt up to here."""

    type: str = "ephemeral"
    ttl: str | None = None


class Base64Source(msgspec.Struct, frozen=True, tag_field="type", tag="base64"):
    media_type: str
    data: str


class UrlSource(msgspec.Struct, frozen=True, tag_field="type", tag="url"):
    url: str


class FileSource(msgspec.Struct, frozen=True, tag_field="type", tag="file"):
    file_id: str


class TextSource(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    data: str
    media_type: str = "text/plain"


class Block(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all content blocks."""

    cache_control: CacheControl | None = None


class TextBlock(Block, frozen=True, tag="text"):
    text: str


class ContentSource(msgspec.Struct, frozen=True, tag_field="type", tag="content"):
    content: str | list[TextBlock]


class ImageBlock(Block, frozen=True, tag="image"):
    source: Base64Source | UrlSource | FileSource


class Citations(msgspec.Struct, frozen=True):
    enabled: bool | None = None


class DocumentBlock(Block, frozen=True, tag="document"):
    source: Base64Source | TextSource | ContentSource | UrlSource | FileSource
    title: str | None = None
    context: str | None = None
    citations: Citations | None = None


class ToolUseBlock(Block, frozen=True, tag="tool_use"):
    id: str
    name: str
    input: msgspec.Raw = msgspec.Raw()


class ToolResultBlock(Block, frozen=True, tag="tool_result"):
    tool_use_id: str
    content: str | list[TextBlock | ImageBlock | DocumentBlock] | None = None
    is_error: bool | None = None


class ThinkingBlock(Block, frozen=True, tag="thinking"):
    thinking: str
    signature: str = ""


class RedactedThinkingBlock(Block, frozen=True, tag="redacted_thinking"):
    data: str


UserBlock = TextBlock | ImageBlock | DocumentBlock | ToolResultBlock
AssistantBlock = TextBlock | ToolUseBlock | ThinkingBlock | RedactedThinkingBlock


class UserMessage(msgspec.Struct, frozen=True, tag_field="role", tag="user"):
    content: str | list[UserBlock]


class AssistantMessage(msgspec.Struct, frozen=True, tag_field="role", tag="assistant"):
    content: str | list[AssistantBlock]


class SystemMessage(msgspec.Struct, frozen=True, tag_field="role", tag="system"):
    """An instruction in the middle of the conversation."""

    content: str | list[TextBlock]


Message = UserMessage | AssistantMessage | SystemMessage


class Tool(msgspec.Struct, frozen=True):
    """A tool of the client's own, or one of Anthropic's, which is known by its `type`."""

    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = msgspec.Raw()
    strict: bool | None = None
    cache_control: CacheControl | None = None
    defer_loading: bool | None = None
    input_examples: list[msgspec.Raw] | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(msgspec.Struct, frozen=True):
    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None
    display: str | None = None


class OutputFormat(msgspec.Struct, frozen=True):
    type: Literal["json_schema"]
    schema: dict[str, object]


class OutputConfig(msgspec.Struct, frozen=True):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class Metadata(msgspec.Struct, frozen=True):
    user_id: str | None = None


class CountedConversation(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request counts as input."""

    model: str
    messages: list[Message]
    system: str | list[TextBlock] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    cache_control: CacheControl | None = None
    """A mark on the last block that can be cached."""
    max_tokens: int | None = None
    # Named like nothing that a client sends: a field of the name `others` is one of these, too.
    others: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict, name="(others)")
    """Top-level fields that are not declared, as the client sent them."""


class Conversation(CountedConversation, frozen=True, kw_only=True):
    """All of a request, for translations that have to understand it."""

    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    stream: bool | None = None


class _Envelope(msgspec.Struct, frozen=True):
    model: str
    stream: bool | None = None
    anthropic_beta: list[str] | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_CONVERSATION = msgspec.json.Decoder(Conversation)
_COUNTED = msgspec.json.Decoder(CountedConversation)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_READ_ELSEWHERE = frozenset({"anthropic_beta", "stream"})


def parse(body: bytes) -> MessagesRequest:
    """Parses the body of POST /v1/messages, and of …/count_tokens, as far as every backend needs it.

    Raises:
        InvalidRequest: the body is not JSON, or a field that is needed has the wrong type.
    """
    envelope = wire.decode(_ENVELOPE, body)
    return MessagesRequest(
        model=envelope.model, stream=envelope.stream, body=body, betas=tuple(envelope.anthropic_beta or ())
    )


def with_headers(request: MessagesRequest, headers: Mapping[str, str]) -> MessagesRequest:
    """The request with the features that its headers (names in lower case) ask for, each once."""
    named = (name.strip() for name in headers.get(BETA_HEADER, "").split(","))
    betas = tuple(dict.fromkeys([*filter(None, named), *request.betas]))
    return msgspec.structs.replace(request, betas=betas)


def conversation(request: MessagesRequest) -> Conversation:
    """All that a request to create a message says.

    Raises:
        InvalidRequest: a field has the wrong type; `param` is its path.
    """
    return _collected(wire.decode(_CONVERSATION, request.body), request.body)


def counted(request: MessagesRequest) -> CountedConversation:
    """All that counts of a request to count tokens. Raises InvalidRequest as `conversation` does."""
    return _collected(wire.decode(_COUNTED, request.body), request.body)


def fields(request: MessagesRequest) -> dict[str, msgspec.Raw]:
    """The top-level fields of the body, as the client sent them."""
    return wire.decode(_FIELDS, request.body)


T = TypeVar("T", bound=CountedConversation)


def _collected(decoded: T, body: bytes) -> T:
    declared = {*decoded.__struct_fields__, *_READ_ELSEWHERE} - {"others"}
    others = {name: value for name, value in _FIELDS.decode(body).items() if name not in declared}
    return msgspec.structs.replace(decoded, others=others) if others else decoded
