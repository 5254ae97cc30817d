"""The way back of every carrier: its response as Converse's values, written by the client's writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aigw_extproc.bedrock import errors
from aigw_extproc.bedrock.converse import ConverseResponse
from aigw_extproc.bedrock.converse_stream import StreamEvent
from aigw_extproc.bedrock.eventstream import EventStreamDecoder, Frame
from aigw_extproc.errors import GatewayError
from aigw_extproc.translate.contract import BedrockAnswer, ClientResponse, ResponseContext, StoredResponse, TokenCounts
from aigw_extproc.translate.converse.conversed import EventWriter, ResponseWriter
from aigw_extproc.translate.converse.input_keys import Aliases, RestoredEvents, restored

DecodeFrame = Callable[[Frame], Sequence[StreamEvent]]
"""Decodes a frame into Converse's events; none for a frame that adds nothing. Raises InvalidUpstreamResponse."""


class CarriedAnswer(BedrockAnswer, frozen=True, kw_only=True):
    """Implements `contract.Answer`. It keeps nothing of the request's body: a response can take minutes."""

    writer: ResponseWriter
    replayed: bool
    decode_response: Callable[[bytes], ConverseResponse]
    """Raises InvalidUpstreamResponse."""
    frame_decoder: Callable[[], DecodeFrame]
    """Makes the decoder of one stream."""
    aliases: Aliases

    def translate_response(self, body: bytes, context: ResponseContext) -> ClientResponse:
        response = restored(self.decode_response(body), self.aliases)
        if self.replayed:
            return self.writer.stream(context).replay(response)
        return self.writer.response(response, context)

    def translate_stream(self, context: ResponseContext) -> CarriedStream:
        return CarriedStream(self._decoder(), self.writer.stream(context))

    def _decoder(self) -> DecodeFrame:
        decode = self.frame_decoder()
        if not self.aliases:
            return decode
        restore = RestoredEvents(self.aliases)
        return lambda frame: restore(decode(frame))


class CarriedStream:
    """Implements `contract.ResponseStream`."""

    def __init__(self, decode: DecodeFrame, writer: EventWriter) -> None:
        self._frames = EventStreamDecoder()
        self._decode = decode
        self._writer = writer

    @property
    def usage(self) -> TokenCounts | None:
        return self._writer.usage

    @property
    def counted(self) -> bool:
        return self._writer.counted

    @property
    def characters(self) -> int:
        return self._writer.characters

    @property
    def failure(self) -> GatewayError | None:
        return self._writer.failure

    @property
    def kept(self) -> StoredResponse | None:
        return self._writer.kept

    def feed(self, data: bytes) -> bytes:
        writer = self._writer
        if writer.done:
            return b""
        chunks: list[bytes] = []
        try:
            self._frames.feed(data)
            while not writer.done and (frame := self._frames.next_frame()) is not None:
                failure = errors.from_frame(frame)
                if failure is not None:
                    raise failure
                for event in self._decode(frame):
                    chunks += writer.write(event)
        except GatewayError as failure:
            chunks.append(writer.fail(failure))
        return b"".join(chunks)

    def close(self) -> bytes:
        return self._writer.close()

    def ping(self) -> bytes:
        return b"" if self._writer.done else self._writer.PING

    def fail(self, failure: GatewayError) -> bytes:
        return self._writer.fail(failure)
