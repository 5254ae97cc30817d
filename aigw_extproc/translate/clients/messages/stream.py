"""Converse's events → the events of a message's stream.

https://docs.anthropic.com/en/docs/build-with-claude/streaming
Bedrock sends a contentBlockStart for tool blocks only; Anthropic's clients expect one for every block. The usage comes
last, so the end of the message is held back until then.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import msgspec

from aigw_extproc.anthropic import message
from aigw_extproc.anthropic.errors import render
from aigw_extproc.anthropic.message import event
from aigw_extproc.bedrock import converse
from aigw_extproc.bedrock.converse import BlockDelta, BlockStart, ContentEvent, ConverseResponse, ReasoningDelta
from aigw_extproc.errors import GatewayError
from aigw_extproc.translate.clients.messages.response import (
    message_id,
    message_usage,
    stop_reason,
    stop_sequence,
    translate_response,
)
from aigw_extproc.translate.contract import ClientResponse, ResponseContext
from aigw_extproc.translate.converse.conversed import EventWriter
from aigw_extproc.translate.converse.tool_names import ToolNames

EMPTY_BLOCKS: dict[str, dict[str, object]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
"""The content of content_block_start by type, for blocks without a contentBlockStart."""

_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":'
_encode = msgspec.json.Encoder().encode


class MessagesWriter(msgspec.Struct, frozen=True, kw_only=True):
    """Implements `ResponseWriter` for one request."""

    model: str
    """The client's name for the model, which responses repeat."""
    names: ToolNames

    def response(self, response: ConverseResponse, context: ResponseContext) -> ClientResponse:
        return translate_response(response, context, model=self.model, names=self.names)

    def stream(self, context: ResponseContext) -> MessagesStream:
        return MessagesStream(context, self)


class MessagesStream(EventWriter):
    """Writes the events of one message."""

    def __init__(self, context: ResponseContext, writer: MessagesWriter) -> None:
        super().__init__()
        self._context = context
        self._model = writer.model
        self._names = writer.names
        self._index = -1
        self._open: str | None = None
        """The type of the open block; None when none is open."""
        self._redacted = ""
        self._ending: dict[str, object] = {}

    def translate(self, event: ContentEvent) -> Iterator[bytes]:
        match event:
            case converse.ContentBlockDelta(delta=delta):
                yield from self._delta(delta)
            case converse.ContentBlockStart(start=start):
                yield from self._start_block(start)
            case converse.ContentBlockStop():
                yield from self._close()
            case converse.MessageStart():
                yield self._start()
            case converse.MessageStop():
                yield from self._close()
                self._ending = {
                    "stop_reason": stop_reason(event.stop_reason),
                    "stop_sequence": stop_sequence(event.additional_model_response_fields),
                }
            case _:
                assert_never(event)

    def finish(self) -> Iterator[bytes]:
        yield event("message_delta", delta=self._ending, usage=message_usage(self.metadata.usage))
        yield event("message_stop")

    def render(self, failure: GatewayError) -> bytes:
        return b"event: error\ndata: %b\n\n" % render(failure, self._context.request_id)

    def _start(self) -> bytes:
        usage = message.Usage(input_tokens=0, output_tokens=0)
        empty = message.Message(id=message_id(self._context), model=self._model, content=[], usage=usage)
        return event("message_start", message=empty)

    def _start_block(self, start: BlockStart) -> Iterator[bytes]:
        if start.tool_use is not None:
            use = start.tool_use
            block = {"id": use.tool_use_id, "name": self._names.to_client(use.name), "input": {}}
            yield from self._begin("tool_use", {"type": "tool_use", **block})

    def _delta(self, delta: BlockDelta) -> Iterator[bytes]:
        if delta.text:
            yield from self._piece("text", "text_delta", "text", delta.text)
        if delta.tool_use is not None and delta.tool_use.input:
            yield self._encoded("input_json_delta", "partial_json", delta.tool_use.input)
        if delta.reasoning_content is not None:
            yield from self._reasoning(delta.reasoning_content)

    def _reasoning(self, delta: ReasoningDelta) -> Iterator[bytes]:
        self._redacted += delta.redacted_content or ""
        if delta.text:
            yield from self._piece("thinking", "thinking_delta", "thinking", delta.text)
        if delta.signature:
            yield from self._piece("thinking", "signature_delta", "signature", delta.signature)

    def _piece(self, block: str, delta: str, member: str, text: str) -> Iterator[bytes]:
        """Write a delta; a block of another type ends before it."""
        if self._open != block:
            yield from self._begin(block, EMPTY_BLOCKS[block])
        yield self._encoded(delta, member, text)

    def _encoded(self, delta: str, member: str, text: str) -> bytes:
        # Formatted by hand for speed: there is one delta for every token.
        return b"".join((_DELTA % (self._index, delta.encode(), member.encode()), _encode(text), b"}}\n\n"))

    def _begin(self, kind: str, block: dict[str, object]) -> Iterator[bytes]:
        yield from self._close()
        self._index += 1
        self._open = kind
        yield event("content_block_start", index=self._index, content_block=block)

    def _close(self) -> Iterator[bytes]:
        """End the open block. Redacted reasoning has no deltas, so its block is written here."""
        if self._redacted:
            data, self._redacted = self._redacted, ""
            yield from self._begin("redacted_thinking", {"type": "redacted_thinking", "data": data})
        if self._open is not None:
            self._open = None
            yield event("content_block_stop", index=self._index)
