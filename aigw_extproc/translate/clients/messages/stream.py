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
from aigw_extproc.bedrock import converse_stream
from aigw_extproc.bedrock.converse import ConverseResponse, ImageBlock
from aigw_extproc.bedrock.converse_stream import BlockDelta, BlockStart, ContentEvent, ReasoningDelta
from aigw_extproc.errors import GatewayError
from aigw_extproc.translate.anthropic.citations import citation
from aigw_extproc.translate.clients.messages.response import (
    image_of,
    message_id,
    message_usage,
    stop_reason,
    stop_sequence,
    translate_response,
)
from aigw_extproc.translate.contract import ClientResponse, ResponseContext
from aigw_extproc.translate.converse.conversed import EventWriter
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.wire import given

EMPTY_BLOCKS: dict[str, dict[str, object]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
"""The content of content_block_start by type, for blocks without a contentBlockStart."""

PING = event("ping")
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


class _Block:
    """A block that has not ended."""

    __slots__ = ("index", "kind", "redacted")

    def __init__(self, index: int, kind: str, redacted: str = "") -> None:
        self.index = index
        """In the client's message."""
        self.kind = kind
        self.redacted = redacted


class MessagesStream(EventWriter):
    """Writes the events of one message."""

    PING = PING

    def __init__(self, context: ResponseContext, writer: MessagesWriter) -> None:
        super().__init__()
        self._context = context
        self._model = writer.model
        self._names = writer.names
        self._index = -1
        self._open: dict[int, _Block] = {}
        """The blocks that have not ended, by Bedrock's index: they may be interleaved."""
        self._ending: dict[str, object] = {}

    def translate(self, event: ContentEvent) -> Iterator[bytes]:
        match event:
            case converse_stream.ContentBlockDelta(delta=delta, content_block_index=at):
                yield from self._delta(delta, at)
            case converse_stream.ContentBlockStart(start=start, content_block_index=at):
                yield from self._start_block(start, at)
            case converse_stream.ContentBlockStop(content_block_index=at):
                yield from self._close(at)
            case converse_stream.MessageStart():
                yield self._start()
            case converse_stream.MessageStop():
                for at in list(self._open):
                    yield from self._close(at)
                self._ending = {
                    "stop_reason": stop_reason(event.stop_reason),
                    "stop_sequence": stop_sequence(event.additional_model_response_fields),
                }
            case _:
                assert_never(event)

    def image(self, image: ImageBlock) -> Iterator[bytes]:
        self._index += 1
        yield event("content_block_start", index=self._index, content_block=image_of(image))
        yield event("content_block_stop", index=self._index)

    def finish(self) -> Iterator[bytes]:
        yield event("message_delta", delta=self._ending, usage=message_usage(self.metadata.usage))
        yield event("message_stop")

    def render(self, failure: GatewayError) -> bytes:
        return b"event: error\ndata: %b\n\n" % render(failure, self._context.request_id)

    def _start(self) -> bytes:
        usage = message.Usage(input_tokens=0, output_tokens=0)
        empty = message.Message(id=message_id(self._context), model=self._model, content=[], usage=usage)
        return event("message_start", message=empty)

    def _start_block(self, start: BlockStart, at: int) -> Iterator[bytes]:
        if start.tool_use is not None:
            use = start.tool_use
            block = {"id": use.tool_use_id, "name": self._names.to_client(use.name), "input": {}}
            yield from self._begin("tool_use", {"type": "tool_use", **block}, at)

    def _delta(self, delta: BlockDelta, at: int) -> Iterator[bytes]:
        if delta.text:
            yield from self._piece("text", "text_delta", "text", delta.text, at)
        if delta.tool_use is not None and delta.tool_use.input and at in self._open:
            yield self._encoded("input_json_delta", "partial_json", delta.tool_use.input, at)
        if delta.reasoning_content is not None:
            yield from self._reasoning(delta.reasoning_content, at)
        if at in self._open and (raw := given(delta.citation)) is not None and (cited := citation(raw)) is not None:
            yield self._citation(cited, at)

    def _citation(self, cited: dict[str, object], at: int) -> bytes:
        """Write a citation of the open text; without a text there is nothing to cite."""
        delta = {"type": "citations_delta", "citation": cited}
        return event("content_block_delta", index=self._open[at].index, delta=delta)

    def _reasoning(self, delta: ReasoningDelta, at: int) -> Iterator[bytes]:
        if delta.redacted_content:
            yield from self._redacted(delta.redacted_content, at)
        if delta.text:
            yield from self._piece("thinking", "thinking_delta", "thinking", delta.text, at)
        if delta.signature:
            yield from self._piece("thinking", "signature_delta", "signature", delta.signature, at)

    def _redacted(self, data: str, at: int) -> Iterator[bytes]:
        """Collect redacted reasoning, which has no deltas: its block is written when it has ended."""
        block = self._open.get(at)
        if block is None or block.kind != "redacted_thinking":
            yield from self._close(at)
            self._open[at] = block = _Block(-1, "redacted_thinking")
        block.redacted += data

    def _piece(self, kind: str, delta: str, member: str, text: str, at: int) -> Iterator[bytes]:
        """Write a delta; what was another type under the same index ends before it."""
        block = self._open.get(at)
        if block is None or block.kind != kind:
            yield from self._begin(kind, EMPTY_BLOCKS[kind], at)
        yield self._encoded(delta, member, text, at)

    def _encoded(self, delta: str, member: str, text: str, at: int) -> bytes:
        # Formatted by hand for speed: there is one delta for every token.
        return b"".join((_DELTA % (self._open[at].index, delta.encode(), member.encode()), _encode(text), b"}}\n\n"))

    def _begin(self, kind: str, block: dict[str, object], at: int) -> Iterator[bytes]:
        yield from self._close(at)
        self._index += 1
        self._open[at] = _Block(self._index, kind)
        yield event("content_block_start", index=self._index, content_block=block)

    def _close(self, at: int) -> Iterator[bytes]:
        """End a block, if it is open."""
        block = self._open.pop(at, None)
        if block is None:
            return
        if block.redacted:
            self._index = block.index = self._index + 1
            content = {"type": "redacted_thinking", "data": block.redacted}
            yield event("content_block_start", index=block.index, content_block=content)
        yield event("content_block_stop", index=block.index)
