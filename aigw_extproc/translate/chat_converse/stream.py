"""ConverseStream → chat completion chunks as server-sent events.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, "Response Syntax"
Bedrock sends messageStart, the blocks (a contentBlockStart only for tools), messageStop, metadata. The client is
told the end when metadata has come, or the body ends behind messageStop; a body that ends before is a failure.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from aigw_extproc.bedrock import converse
from aigw_extproc.bedrock.errors import from_frame
from aigw_extproc.bedrock.eventstream import EventStreamDecoder, Message
from aigw_extproc.errors import GatewayError, InvalidUpstreamResponse, UpstreamTruncated
from aigw_extproc.openai import chat
from aigw_extproc.openai.errors import render
from aigw_extproc.translate.chat_converse.response import (
    completion_usage,
    finish_reason,
    translate_usage,
    unmapped_stop_reason,
)
from aigw_extproc.translate.chat_converse.tool_names import ToolNames
from aigw_extproc.translate.contract import ResponseContext, Usage

DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.Encoder().encode


class ChatStream:
    """Implements `contract.ResponseStream`."""

    def __init__(self, context: ResponseContext, *, model: str, names: ToolNames, include_usage: bool) -> None:
        self.usage: Usage | None = None
        self.failure: GatewayError | None = None
        self._decoder = EventStreamDecoder()
        self._names = names
        self._include_usage = include_usage
        self._service_tier: str | None = None
        self._stopped = False
        self._done = False
        self._tool_index = -1
        self._tool_block: int | None = None
        self._tool_has_input = False
        # What all chunks have in common is rendered once: a chunk is then four concatenations.
        self._head = b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,' % (
            _encode(f"chatcmpl-{context.request_id}"),
            context.created,
            _encode(model),
        )
        self._tail = b',"usage":null}\n\n' if include_usage else b"}\n\n"

    def feed(self, data: bytes) -> bytes:
        chunks: list[bytes] = []
        try:
            self._decoder.feed(data)
            while not self._done and (frame := self._decoder.next_message()) is not None:
                chunks += self._translate(frame)
        except GatewayError as failure:
            chunks.append(self._fail(failure))
        return b"".join(chunks)

    def close(self) -> bytes:
        if self._done:
            return b""
        if not self._stopped:
            return self._fail(UpstreamTruncated())
        return self._finish()

    def _translate(self, frame: Message) -> Iterator[bytes]:
        failure = from_frame(frame)
        if failure is not None:
            raise failure
        match _decode(frame):
            case converse.ContentBlockDelta(delta=delta):
                yield from self._delta(delta)
            case converse.ContentBlockStart(start=converse.BlockStart(tool_use=start), content_block_index=block):
                if start is not None:
                    yield self._tool_start(start, block)
            case converse.ContentBlockStop(content_block_index=block):
                yield from self._block_stop(block)
            case converse.MessageStart(role=role):
                yield self._delta_chunk(chat.Delta(role=role, content=""))
            case converse.MessageStop(stop_reason=stop_reason):
                yield self._stop(stop_reason)
            case converse.Metadata() as metadata:
                yield self._metadata(metadata)

    def _delta(self, delta: converse.BlockDelta) -> Iterator[bytes]:
        if delta.text:
            yield self._delta_chunk(chat.Delta(content=delta.text))
        if delta.tool_use is not None and delta.tool_use.input:
            self._tool_has_input = True
            yield self._arguments(delta.tool_use.input)

    def _tool_start(self, start: converse.ToolUseStart, block: int) -> bytes:
        """Tools are counted from 0 without gaps; Bedrock's index counts the blocks between them too."""
        self._tool_index += 1
        self._tool_block, self._tool_has_input = block, False
        function = chat.DeltaFunction(name=self._names.to_client(start.name), arguments="")
        call = chat.DeltaToolCall(index=self._tool_index, id=start.tool_use_id, type="function", function=function)
        return self._delta_chunk(chat.Delta(tool_calls=[call]))

    def _arguments(self, fragment: str) -> bytes:
        call = chat.DeltaToolCall(index=self._tool_index, function=chat.DeltaFunction(arguments=fragment))
        return self._delta_chunk(chat.Delta(tool_calls=[call]))

    def _block_stop(self, block: int) -> Iterator[bytes]:
        """A call without input gets the empty object: clients parse what the fragments add up to."""
        if self._tool_block == block:
            if not self._tool_has_input:
                yield self._arguments("{}")
            self._tool_block = None

    def _stop(self, stop_reason: str | None) -> bytes:
        reason = finish_reason(stop_reason, has_tool_calls=self._tool_index >= 0)
        own_word = unmapped_stop_reason(stop_reason)
        self._stopped = True
        extension = b"" if own_word is msgspec.UNSET else b',"stop_reason":' + _encode(own_word)
        choices = b'"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"%b"}]' % reason.encode()
        return self._head + choices + extension + self._tail

    def _metadata(self, event: converse.Metadata) -> bytes:
        self.usage = translate_usage(event.usage)
        self._service_tier = event.service_tier.type if event.service_tier else None
        return self._finish() if self._stopped else b""

    def _finish(self) -> bytes:
        self._done = True
        if not self._include_usage or self.usage is None:
            return DONE
        tier = b"" if self._service_tier is None else b',"service_tier":' + _encode(self._service_tier)
        usage = _encode(completion_usage(self.usage))
        return b"".join((self._head, b'"choices":[],"usage":', usage, tier, b"}\n\n", DONE))

    def _delta_chunk(self, delta: chat.Delta) -> bytes:
        return b"".join(
            (
                self._head,
                b'"choices":[{"index":0,"delta":',
                _encode(delta),
                b',"logprobs":null,"finish_reason":null}]',
                self._tail,
            )
        )

    def _fail(self, failure: GatewayError) -> bytes:
        """Too late for another status: the error is an event, and neither a finish_reason nor [DONE] follows it."""
        self._done, self.failure = True, failure
        return b"data: " + render(failure) + b"\n\n"


def _decode(frame: Message) -> msgspec.Struct | None:
    """The event in a frame; None for a type that is newer than we are.

    Raises:
        InvalidUpstreamResponse: the payload is not the event's.
    """
    decoder = converse.STREAM_EVENTS.get(str(frame.headers.get(":event-type")))
    if decoder is None:
        return None
    try:
        return decoder.decode(frame.payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InvalidUpstreamResponse("an event of the response stream cannot be read") from None
