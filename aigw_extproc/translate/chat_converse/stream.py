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
from aigw_extproc.openai.completion import AwsDetails
from aigw_extproc.openai.errors import render
from aigw_extproc.translate.chat_converse.blocks import BlockTranslator
from aigw_extproc.translate.chat_converse.chunks import DONE, ChunkWriter
from aigw_extproc.translate.chat_converse.replay import events_of
from aigw_extproc.translate.chat_converse.response import (
    completion_usage,
    finish_reason,
    unless_empty,
    unmapped_stop_reason,
)
from aigw_extproc.translate.contract import ClientResponse, ResponseContext, Usage
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.converse.usage import translate_usage
from aigw_extproc.wire import given


class ChatStream:
    """Implements `contract.ResponseStream`."""

    def __init__(
        self,
        context: ResponseContext,
        *,
        model: str,
        names: ToolNames,
        include_usage: bool,
        answer_tool: str | None = None,
    ) -> None:
        self.usage: Usage | None = None
        self.failure: GatewayError | None = None
        self._decoder = EventStreamDecoder()
        self._chunks = ChunkWriter(context, model=model, include_usage=include_usage)
        self._blocks = BlockTranslator(names, answer_tool)
        self._metadata = converse.Metadata()
        self._stopped = False
        self._done = False

    def feed(self, data: bytes) -> bytes:
        if self._done:
            return b""
        chunks: list[bytes] = []
        try:
            self._decoder.feed(data)
            while not self._done and (frame := self._decoder.next_message()) is not None:
                chunks += self._translate(frame)
        except GatewayError as failure:
            chunks.append(self.fail(failure))
        return b"".join(chunks)

    def close(self) -> bytes:
        if self._done:
            return b""
        if not self._stopped:
            return self.fail(UpstreamTruncated())
        return b"".join(self._finish())

    def fail(self, failure: GatewayError) -> bytes:
        # Too late for another status: the error is an event, and neither a finish_reason nor [DONE] follows it.
        self._done, self.failure = True, failure
        return b"data: " + render(failure) + b"\n\n"

    def whole(self, response: converse.ConverseResponse) -> ClientResponse:
        """The stream of a response that came whole.

        Raises:
            InvalidUpstreamResponse: Bedrock says that the output is of no use.
        """
        chunks = [chunk for event in events_of(response) for chunk in self._event(event)]
        return ClientResponse(body=b"".join(chunks), usage=self.usage or Usage(), media_type="text/event-stream")

    def _translate(self, frame: Message) -> Iterator[bytes]:
        failure = from_frame(frame)
        if failure is not None:
            raise failure
        event = _decode(frame)
        if event is not None:
            yield from self._event(event)

    def _event(self, event: msgspec.Struct) -> Iterator[bytes]:
        match event:
            case converse.ContentBlockDelta(delta=delta, content_block_index=index):
                yield from map(self._chunks.delta, self._blocks.delta(delta, index))
            case converse.ContentBlockStart(start=start, content_block_index=index):
                yield from map(self._chunks.delta, self._blocks.start(start, index))
            case converse.ContentBlockStop():
                yield from map(self._chunks.delta, self._blocks.stop())
            case converse.MessageStart(role=role):
                yield self._chunks.role(role)
            case converse.MessageStop() as event:
                yield from self._stop(event)
            case converse.Metadata() as metadata:
                self._metadata, self.usage = metadata, translate_usage(metadata.usage)
                if self._stopped:
                    yield from self._finish()

    def _stop(self, event: converse.MessageStop) -> Iterator[bytes]:
        reason = finish_reason(
            event.stop_reason, has_tool_calls=self._blocks.has_tool_calls, answered=self._blocks.answered
        )
        yield from map(self._chunks.delta, self._blocks.end())
        self._stopped = True
        details = AwsDetails(
            stop_reason=unmapped_stop_reason(event.stop_reason),
            citations=self._blocks.citations or None,
            additional_model_response_fields=given(event.additional_model_response_fields),
        )
        yield self._chunks.finish(reason, unless_empty(details))

    def _finish(self) -> Iterator[bytes]:
        self._done = True
        metadata = self._metadata
        details = unless_empty(
            AwsDetails(trace=given(metadata.trace), performance_config=given(metadata.performance_config))
        )
        tier = metadata.service_tier.type if metadata.service_tier else None
        yield self._chunks.last(completion_usage(self.usage) if self.usage else None, tier, details)
        yield DONE


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
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidUpstreamResponse("an event of the response stream cannot be read") from None
