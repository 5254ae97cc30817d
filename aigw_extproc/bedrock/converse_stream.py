"""ConverseStream: the events of a response.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from aigw_extproc.bedrock.converse import ConverseMetrics, ErrorBlock, ServiceTier, Source, TokenUsage, Wire


class MessageStart(Wire):
    role: str = "assistant"


class ToolUseStart(Wire):
    tool_use_id: str
    name: str
    type: str | None = None


class ImageStart(Wire):
    format: str


class BlockStart(Wire):
    tool_use: ToolUseStart | None = None
    image: ImageStart | None = None


class ContentBlockStart(Wire):
    start: BlockStart
    content_block_index: int = 0


class ToolUseDelta(Wire):
    input: str = ""


class ReasoningDelta(Wire):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class ImageDelta(Wire):
    source: Source | None = None
    error: ErrorBlock | None = None


class BlockDelta(Wire):
    text: str | None = None
    tool_use: ToolUseDelta | None = None
    reasoning_content: ReasoningDelta | None = None
    citation: Raw = Raw()
    image: ImageDelta | None = None


class ContentBlockDelta(Wire):
    delta: BlockDelta
    content_block_index: int = 0


class ContentBlockStop(Wire):
    content_block_index: int = 0


class MessageStop(Wire):
    stop_reason: str | None = None
    additional_model_response_fields: Raw = Raw()


class Metadata(Wire):
    usage: TokenUsage | None = None
    metrics: ConverseMetrics | None = None
    service_tier: ServiceTier | None = None
    performance_config: Raw = Raw()
    trace: Raw = Raw()


ContentEvent = MessageStart | ContentBlockStart | ContentBlockDelta | ContentBlockStop | MessageStop
StreamEvent = ContentEvent | Metadata

STREAM_EVENTS: dict[str, msgspec.json.Decoder[Any]] = {
    "messageStart": msgspec.json.Decoder(MessageStart),
    "contentBlockStart": msgspec.json.Decoder(ContentBlockStart),
    "contentBlockDelta": msgspec.json.Decoder(ContentBlockDelta),
    "contentBlockStop": msgspec.json.Decoder(ContentBlockStop),
    "messageStop": msgspec.json.Decoder(MessageStop),
    "metadata": msgspec.json.Decoder(Metadata),
}
"""Decoders by the frame's `:event-type`. Other types are newer than this table, and skipped."""
