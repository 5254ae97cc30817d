"""Claude's responses and events as Converse's.

https://docs.anthropic.com/en/api/messages
https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from aigw_extproc.anthropic.message import CacheCreation
from aigw_extproc.bedrock.converse import (
    CacheDetail,
    ContentBlock,
    ConverseOutput,
    ConverseResponse,
    Message,
    ReasoningContent,
    ReasoningText,
    TokenUsage,
    ToolUseBlock,
)
from aigw_extproc.bedrock.converse_stream import (
    BlockDelta,
    BlockStart,
    ContentBlockDelta,
    ContentBlockStart,
    ContentBlockStop,
    MessageStart,
    MessageStop,
    Metadata,
    ReasoningDelta,
    StreamEvent,
    ToolUseDelta,
    ToolUseStart,
)
from aigw_extproc.bedrock.eventstream import Frame
from aigw_extproc.errors import InvalidUpstreamResponse
from aigw_extproc.translate.anthropic.events import event_json
from aigw_extproc.translate.anthropic.usage import MessageUsage
from aigw_extproc.wire import as_utf8

STOP_REASONS = {"refusal": "content_filtered", "pause_turn": "end_turn"}
"""Anthropic's stop reasons that Converse calls by another name."""


class _Block(msgspec.Struct, frozen=True):
    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Delta(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Message(msgspec.Struct, frozen=True):
    content: list[_Block]
    stop_reason: str | None = None
    usage: MessageUsage = MessageUsage()


class _Started(msgspec.Struct, frozen=True):
    usage: MessageUsage = MessageUsage()


class _Failure(msgspec.Struct, frozen=True):
    message: str = "the stream failed"


class _Event(msgspec.Struct, frozen=True, gc=False):
    type: str
    index: int = 0
    message: _Started | None = None
    content_block: _Block | None = None
    delta: _Delta = _Delta()
    usage: MessageUsage = MessageUsage()
    error: _Failure = _Failure()


_MESSAGE = msgspec.json.Decoder(_Message)
_EVENT = msgspec.json.Decoder(_Event)


def decode_response(body: bytes) -> ConverseResponse:
    """Decode the body of a 200 from InvokeModel.

    Raises:
        InvalidUpstreamResponse: it is not a message.
    """
    try:
        message = _MESSAGE.decode(as_utf8(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidUpstreamResponse("the upstream answered 200 with a body that is not a message") from None
    content = [converted for block in message.content if (converted := _block(block))]
    return ConverseResponse(
        output=ConverseOutput(message=Message(role="assistant", content=content)),
        stop_reason=_stop_reason(message.stop_reason),
        usage=_usage(message.usage),
    )


class FrameDecoder:
    """Decodes the frames of one InvokeModelWithResponseStream response."""

    def __init__(self) -> None:
        self._usage = MessageUsage()
        self._stop_reason: str | None = None

    def __call__(self, frame: Frame) -> Sequence[StreamEvent]:
        """Return Converse's events for the event in a frame.

        Raises:
            InvalidUpstreamResponse: it cannot be read, or reports an error.
        """
        data = event_json(frame)
        if data is None:
            return ()
        try:
            event = _EVENT.decode(data)
        except (msgspec.MsgspecError, RecursionError):
            raise InvalidUpstreamResponse("an event of the response stream cannot be read") from None
        return self._events(event)

    def _events(self, event: _Event) -> Sequence[StreamEvent]:
        match event.type:
            case "content_block_delta":
                convert = DELTAS.get(event.delta.type)
                return (ContentBlockDelta(convert(event.delta), event.index),) if convert else ()
            case "content_block_start" if event.content_block:
                return _block_start(event.content_block, event.index)
            case "content_block_stop":
                return (ContentBlockStop(event.index),)
            case "message_start":
                self._usage = event.message.usage if event.message else self._usage
                return MessageStart(), Metadata(_usage(self._usage))  # so that a stream that breaks has its input
            case "message_delta":
                self._usage, self._stop_reason = self._usage.then(event.usage), event.delta.stop_reason
            case "message_stop":
                return MessageStop(_stop_reason(self._stop_reason)), Metadata(_usage(self._usage))
            case "error":
                raise InvalidUpstreamResponse(event.error.message)
        return ()  # pings, and types that are newer than this program


DELTAS: dict[str, Callable[[_Delta], BlockDelta]] = {
    "text_delta": lambda delta: BlockDelta(text=delta.text),
    "thinking_delta": lambda delta: BlockDelta(reasoning_content=ReasoningDelta(text=delta.thinking)),
    "signature_delta": lambda delta: BlockDelta(reasoning_content=ReasoningDelta(signature=delta.signature)),
    "input_json_delta": lambda delta: BlockDelta(tool_use=ToolUseDelta(delta.partial_json)),
}
"""By Anthropic's type of delta."""


def _block_start(block: _Block, index: int) -> Sequence[StreamEvent]:
    match block.type:
        case "tool_use":
            return (ContentBlockStart(BlockStart(ToolUseStart(block.id, block.name)), index),)
        case "redacted_thinking":
            redacted = ReasoningDelta(redacted_content=block.data)
            return (ContentBlockDelta(BlockDelta(reasoning_content=redacted), index),)
        case "text" if block.text:
            return (ContentBlockDelta(BlockDelta(text=block.text), index),)
    return ()


def _block(block: _Block) -> ContentBlock | None:
    """Convert a block; None for one that Converse does not support."""
    match block.type:
        case "text":
            return ContentBlock(text=block.text)
        case "thinking":
            text = ReasoningText(block.thinking, block.signature)
            return ContentBlock(reasoning_content=ReasoningContent(reasoning_text=text))
        case "redacted_thinking":
            return ContentBlock(reasoning_content=ReasoningContent(redacted_content=block.data))
        case "tool_use":
            return ContentBlock(tool_use=ToolUseBlock(block.id, block.name, block.input))
    return None


def _stop_reason(reason: str | None) -> str:
    return STOP_REASONS.get(reason or "", reason or "end_turn")


def _usage(usage: MessageUsage) -> TokenUsage:
    creation = usage.cache_creation
    return TokenUsage(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cache_read_input_tokens=usage.cache_read_input_tokens or 0,
        cache_write_input_tokens=usage.cache_creation_input_tokens or 0,
        cache_details=None if creation is None else _cache_details(creation),
    )


def _cache_details(creation: CacheCreation) -> list[CacheDetail]:
    return [
        CacheDetail(ttl="5m", input_tokens=creation.ephemeral_5m_input_tokens),
        CacheDetail(ttl="1h", input_tokens=creation.ephemeral_1h_input_tokens),
    ]
