"""The response of Messages: the message and the events of its stream.

https://docs.anthropic.com/en/api/messages
https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

import msgspec


class CacheCreation(msgspec.Struct, kw_only=True, frozen=True):
    """Tokens that were written to the cache, by the time that they are kept."""

    ephemeral_5m_input_tokens: int = 0
    ephemeral_1h_input_tokens: int = 0


class Usage(msgspec.Struct, kw_only=True, frozen=True):
    """Token counts; `input_tokens` excludes tokens that were read from or written to the cache."""

    input_tokens: int
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation: CacheCreation | msgspec.UnsetType = msgspec.UNSET
    output_tokens: int


class Text(msgspec.Struct, kw_only=True, frozen=True, tag_field="type", tag="text"):
    text: str
    citations: list[dict[str, object]] | msgspec.UnsetType = msgspec.UNSET


class Thinking(msgspec.Struct, kw_only=True, frozen=True, tag_field="type", tag="thinking"):
    thinking: str
    signature: str


class RedactedThinking(msgspec.Struct, kw_only=True, frozen=True, tag_field="type", tag="redacted_thinking"):
    data: str


class Base64Source(msgspec.Struct, kw_only=True, frozen=True, tag_field="type", tag="base64"):
    media_type: str
    data: str


class Image(msgspec.Struct, kw_only=True, frozen=True, tag_field="type", tag="image"):
    """An image that the model has made, as Anthropic has them in requests: Claude makes none."""

    source: Base64Source


class ToolUse(msgspec.Struct, kw_only=True, frozen=True, tag_field="type", tag="tool_use"):
    id: str
    name: str
    input: msgspec.Raw


Block = Text | Thinking | RedactedThinking | Image | ToolUse


class Message(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    type: str = "message"
    role: str = "assistant"
    model: str
    content: list[Block]
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Usage


_encode = msgspec.json.Encoder().encode


def event(name: str, **members: object) -> bytes:
    """Encode a server-sent event; `type` in its data repeats its name."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode({"type": name, **members}))
