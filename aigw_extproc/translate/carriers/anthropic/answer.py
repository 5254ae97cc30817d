"""The way back: Claude's answers from InvokeModel, told as Converse would have told them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from aigw_extproc.bedrock.eventstream import encode_event
from aigw_extproc.errors import GatewayError, InvalidUpstreamResponse, UpstreamError
from aigw_extproc.translate.anthropic.events import InvokeEvents
from aigw_extproc.translate.anthropic.usage import MessageUsage
from aigw_extproc.translate.contract import Answer, ClientResponse, ResponseContext, ResponseStream, Usage
from aigw_extproc.wire import as_utf8

STOP_REASONS = {"refusal": "content_filtered", "pause_turn": "end_turn"}
"""Anthropic's stop reasons that Converse has another word for."""

_encode = msgspec.json.Encoder().encode


class _Block(msgspec.Struct, frozen=True):
    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _Delta(msgspec.Struct, frozen=True):
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


class _Event(msgspec.Struct, frozen=True):
    type: str
    index: int = 0
    message: _Started | None = None
    content_block: _Block | None = None
    delta: _Delta = _Delta()
    usage: MessageUsage = MessageUsage()
    error: _Failure = _Failure()


_MESSAGE = msgspec.json.Decoder(_Message)
_EVENT = msgspec.json.Decoder(_Event)


class AnthropicAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `contract.Answer`, by way of one that understands Converse."""

    inner: Answer

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        try:
            message = _MESSAGE.decode(as_utf8(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise InvalidUpstreamResponse("the upstream answered 200 with a body that is not a message") from None
        content = [told for block in message.content if (told := _block(block))]
        converse = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": _stop_reason(message.stop_reason),
            "usage": _usage(message.usage),
        }
        return self.inner.translate_response(_encode(converse), context)

    def translate_stream(self, context: ResponseContext) -> ResponseStream:
        return AnthropicStream(self.inner.translate_stream(context))

    def translate_error(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        return self.inner.translate_error(status, headers, body)


class AnthropicStream:
    """Implements `contract.ResponseStream`, by way of one that reads ConverseStream."""

    def __init__(self, inner: ResponseStream) -> None:
        self.usage: Usage | None = None
        self.failure: GatewayError | None = None
        self._inner = inner
        self._events = InvokeEvents()
        self._counted = MessageUsage()
        self._stop_reason: str | None = None

    def feed(self, data: bytes) -> bytes:
        if self.failure is not None:
            return b""
        told = b""
        try:
            for event in self._events.feed(data):
                told += self._inner.feed(b"".join(self._frames(event)))
        except GatewayError as failure:
            told += self._inner.fail(failure)
        return self._passed(told)

    def close(self) -> bytes:
        return self._passed(self._inner.close())

    def fail(self, failure: GatewayError) -> bytes:
        return self._passed(self._inner.fail(failure))

    def _passed(self, told: bytes) -> bytes:
        self.usage, self.failure = self._inner.usage, self._inner.failure
        return told

    def _frames(self, data: bytes) -> Iterator[bytes]:
        try:
            event = _EVENT.decode(data)
        except (msgspec.MsgspecError, RecursionError):
            raise InvalidUpstreamResponse("an event of the response stream cannot be read") from None
        for kind, payload in self._translate(event):
            yield encode_event(kind, _encode(payload))

    def _translate(self, event: _Event) -> Iterator[tuple[str, dict[str, Any]]]:
        """ConverseStream's events for one of Anthropic's; none for what only keeps the connection alive."""
        where = {"contentBlockIndex": event.index}
        match event.type:
            case "message_start":
                self._counted = event.message.usage if event.message else self._counted
                yield "messageStart", {"role": "assistant"}
            case "content_block_start" if event.content_block:
                yield from _begin(event.content_block, where)
            case "content_block_delta" if event.delta.type in DELTAS:
                member, path = DELTAS[event.delta.type]
                delta: Any = getattr(event.delta, member)
                for key in reversed(path):
                    delta = {key: delta}
                yield "contentBlockDelta", {"delta": delta, **where}
            case "content_block_stop":
                yield "contentBlockStop", where
            case "message_delta":
                self._counted, self._stop_reason = self._counted.then(event.usage), event.delta.stop_reason
            case "message_stop":
                yield "messageStop", {"stopReason": _stop_reason(self._stop_reason)}
                yield "metadata", {"usage": _usage(self._counted)}
            case "error":
                raise InvalidUpstreamResponse(event.error.message)


DELTAS = {
    "text_delta": ("text", ("text",)),
    "thinking_delta": ("thinking", ("reasoningContent", "text")),
    "signature_delta": ("signature", ("reasoningContent", "signature")),
    "input_json_delta": ("partial_json", ("toolUse", "input")),
}
"""By the type of a delta: its member, and where that stands in Converse's delta."""


def _begin(block: _Block, where: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if block.type == "tool_use":
        yield "contentBlockStart", {"start": {"toolUse": {"toolUseId": block.id, "name": block.name}}, **where}
    elif block.type == "redacted_thinking":
        yield "contentBlockDelta", {"delta": {"reasoningContent": {"redactedContent": block.data}}, **where}
    elif block.type == "text" and block.text:
        yield "contentBlockDelta", {"delta": {"text": block.text}, **where}


def _block(block: _Block) -> dict[str, Any] | None:
    """A block as Converse has it; None for one that it has no word for."""
    match block.type:
        case "text":
            return {"text": block.text}
        case "thinking":
            return {"reasoningContent": {"reasoningText": {"text": block.thinking, "signature": block.signature}}}
        case "redacted_thinking":
            return {"reasoningContent": {"redactedContent": block.data}}
        case "tool_use":
            return {"toolUse": {"toolUseId": block.id, "name": block.name, "input": block.input}}
    return None


def _stop_reason(reason: str | None) -> str:
    return STOP_REASONS.get(reason or "", reason or "end_turn")


def _usage(usage: MessageUsage) -> dict[str, int]:
    return {
        "inputTokens": usage.input_tokens or 0,
        "outputTokens": usage.output_tokens or 0,
        "totalTokens": usage.counted().total_tokens,
        "cacheReadInputTokens": usage.cache_read_input_tokens or 0,
        "cacheWriteInputTokens": usage.cache_creation_input_tokens or 0,
    }
