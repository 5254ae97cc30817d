"""InvokeModelWithResponseStream → server-sent events with the same data."""

from __future__ import annotations

import msgspec

from aigw_extproc.anthropic.errors import render
from aigw_extproc.anthropic.message import event
from aigw_extproc.bedrock.errors import from_frame
from aigw_extproc.bedrock.eventstream import EventStreamDecoder, Frame
from aigw_extproc.errors import GatewayError, InvalidUpstreamResponse, UpstreamTruncated
from aigw_extproc.translate.anthropic.events import event_json
from aigw_extproc.translate.anthropic.usage import MessageUsage
from aigw_extproc.translate.anthropic_passthrough.input_names import RestoredEvents
from aigw_extproc.translate.contract import ResponseContext, StoredResponse, TokenCounts
from aigw_extproc.translate.converse.input_keys import Aliases


class _Started(msgspec.Struct, frozen=True):
    usage: MessageUsage = MessageUsage()


class _Event(msgspec.Struct, frozen=True):
    type: str
    message: _Started | None = None
    usage: MessageUsage | None = None


PING = event("ping")
_EVENT = msgspec.json.Decoder(_Event)
_FRAME = len('{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}')


class AnthropicPassthroughStream:
    """Implements `contract.ResponseStream`."""

    def __init__(self, context: ResponseContext, aliases: Aliases) -> None:
        self.usage: TokenCounts | None = None
        self.counted = False
        self.characters = 0
        self.kept: StoredResponse | None = None
        self.failure: GatewayError | None = None
        self._context = context
        self._frames = EventStreamDecoder()
        self._usage = MessageUsage()
        self._names = RestoredEvents(aliases) if aliases else None
        self._done = False

    def feed(self, data: bytes) -> bytes:
        if self._done:
            return b""
        chunks: list[bytes] = []
        try:
            self._frames.feed(data)
            while not self._done and (frame := self._frames.next_frame()) is not None:
                chunks.append(self._pass(frame))
        except GatewayError as failure:
            chunks.append(self.fail(failure))
        return b"".join(chunks)

    def close(self) -> bytes:
        return b"" if self._done else self.fail(UpstreamTruncated())

    def ping(self) -> bytes:
        return b"" if self._done else PING

    def fail(self, failure: GatewayError) -> bytes:
        self._done, self.failure = True, failure
        return b"event: error\ndata: %b\n\n" % render(failure, self._context.request_id)

    def _pass(self, frame: Frame) -> bytes:
        """Return the event of a frame as it is; the tokens that it reports are counted."""
        failure = from_frame(frame)
        if failure is not None:
            raise failure
        data = event_json(frame)
        if data is None:
            return b""
        try:
            event = _EVENT.decode(data)
        except (msgspec.MsgspecError, RecursionError):
            raise InvalidUpstreamResponse("an event of the response stream cannot be read") from None
        if b"\n" in data:  # which would end the event early
            data = msgspec.json.format(data, indent=-1)
        for usage in (event.message.usage if event.message else None, event.usage):
            if usage is not None:
                self._usage = self._usage.then(usage)
                self.usage = self._usage.counted()
        if event.type == "content_block_delta":
            self.characters += max(0, len(data) - _FRAME)
        self.counted = self.counted or event.usage is not None  # of the message_delta at the end
        self._done = event.type == "message_stop"
        events = [(event.type, data)] if self._names is None else self._names.restore(data)
        return b"".join(b"event: %b\ndata: %b\n\n" % (kind.encode(), restored) for kind, restored in events)
