"""ConverseStream, event by event, whoever the client is.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, "Response Syntax"
Bedrock sends messageStart, the blocks (a contentBlockStart only for tools), messageStop, metadata. The client is
told the end when metadata has come, or the body ends behind messageStop; a body that ends before is a failure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import msgspec

from aigw_extproc.bedrock import converse
from aigw_extproc.bedrock.errors import from_frame
from aigw_extproc.bedrock.eventstream import EventStreamDecoder, Message
from aigw_extproc.errors import GatewayError, InvalidUpstreamResponse, UpstreamTruncated
from aigw_extproc.translate.contract import ClientResponse, Usage
from aigw_extproc.translate.converse.replay import events_of
from aigw_extproc.translate.converse.usage import translate_usage
from aigw_extproc.wire import as_utf8


class ConverseStream(ABC):
    """Implements `contract.ResponseStream` but for the client's words, which are those of a subclass."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.failure: GatewayError | None = None
        self.metadata = converse.Metadata()
        """What Bedrock has said at the end; empty until then."""
        self._decoder = EventStreamDecoder()
        self._stopped = False
        self._done = False

    @abstractmethod
    def translate(self, event: msgspec.Struct) -> Iterable[bytes]:
        """What the client is told at an event. Raises InvalidUpstreamResponse for an output that is of no use."""

    @abstractmethod
    def finish(self) -> Iterable[bytes]:
        """What ends the stream, when `metadata` and `usage` are all that they will be."""

    @abstractmethod
    def render(self, failure: GatewayError) -> bytes:
        """A failure as an event. It is too late for another status; nothing follows."""

    def feed(self, data: bytes) -> bytes:
        if self._done:
            return b""
        chunks: list[bytes] = []
        try:
            self._decoder.feed(data)
            while not self._done and (frame := self._decoder.next_message()) is not None:
                chunks += self._frame(frame)
        except GatewayError as failure:
            chunks.append(self.fail(failure))
        return b"".join(chunks)

    def close(self) -> bytes:
        if self._done:
            return b""
        if not self._stopped:
            return self.fail(UpstreamTruncated())
        return b"".join(self._end())

    def fail(self, failure: GatewayError) -> bytes:
        self._done, self.failure = True, failure
        return self.render(failure)

    def whole(self, response: converse.ConverseResponse) -> ClientResponse:
        """The stream of a response that came whole.

        Raises:
            InvalidUpstreamResponse: Bedrock says that the output is of no use.
        """
        chunks = [chunk for event in events_of(response) for chunk in self._event(event)]
        return ClientResponse(body=b"".join(chunks), usage=self.usage or Usage(), media_type="text/event-stream")

    # A piece of a stream costs little, so no layer that it passes is a generator: each would cost as much again.

    def _frame(self, frame: Message) -> Iterable[bytes]:
        failure = from_frame(frame)
        if failure is not None:
            raise failure
        event = _decode(frame)
        return () if event is None else self._event(event)

    def _event(self, event: msgspec.Struct) -> Iterable[bytes]:
        if isinstance(event, converse.Metadata):
            self.metadata, self.usage = event, translate_usage(event.usage)
            return self._end() if self._stopped else ()
        self._stopped = self._stopped or isinstance(event, converse.MessageStop)
        return self.translate(event)

    def _end(self) -> Iterable[bytes]:
        self._done = True
        return self.finish()


def _decode(frame: Message) -> msgspec.Struct | None:
    """The event in a frame; None for a type that is newer than we are.

    Raises:
        InvalidUpstreamResponse: the payload is not the event's.
    """
    decoder = converse.STREAM_EVENTS.get(str(frame.headers.get(":event-type")))
    if decoder is None:
        return None
    try:
        return decoder.decode(as_utf8(frame.payload))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidUpstreamResponse("an event of the response stream cannot be read") from None
