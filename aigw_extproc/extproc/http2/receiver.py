"""The receiving half of a connection: the peer's bytes to events, and errors to what HTTP/2 answers them with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from aigw_extproc.extproc.http2 import frames, limits
from aigw_extproc.extproc.http2.events import Data, Event, Failed, GoingAway, Request, Reset
from aigw_extproc.extproc.http2.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    MAX_FRAME_SIZE,
    ConnectionFault,
    ErrorCode,
    FrameReader,
    Setting,
    StreamFault,
    check_length,
    check_priority,
    check_stream_0,
    frame,
    number,
    unpadded,
)
from aigw_extproc.extproc.http2.headers import HeaderDecoder, Malformed, check_trailers, content_length
from aigw_extproc.extproc.http2.limits import Patience
from aigw_extproc.extproc.http2.outbox import INITIAL_WINDOW, MAX_WINDOW, Outbox, Stream

DRAIN_PING: Final = b"draining"
STREAM_STEP: Final = limits.STREAM_WINDOW // 2
CONNECTION_STEP: Final = limits.CONNECTION_WINDOW // 2
"""Bytes read, after which the peer gets its window back."""


class Receiver:
    """What a connection knows of its peer and of the open streams."""

    def __init__(self, header_table_size: int = 0) -> None:
        """Create a connection. With another size of the dynamic table than 0, blocks of headers do not repeat."""
        self.failed = False
        """The peer was sent an error: the connection is to be closed."""
        self._reader = FrameReader()
        self._headers = HeaderDecoder(header_table_size)
        self._patience = Patience()
        self._outbox = Outbox()
        self._streams: dict[int, Stream] = {}
        self._events: list[Event] = []
        self._now = 0.0
        self._last_id = 0
        self._refusing = False
        self._receive_window = limits.CONNECTION_WINDOW
        self._credit = 0
        self._data_frames = 0
        self._small_updates = 0
        self._expects: int | None = frames.SETTINGS
        """The only type of frame that may come next; None for any."""
        self._block: list[bytes] = []
        self._block_of = (0, 0)
        """Stream and flags of a header block whose end has not come."""
        self._ended: deque[int] = deque(maxlen=limits.REMEMBERED)
        self._reset_here: deque[int] = deque(maxlen=limits.REMEMBERED)
        self._greet(header_table_size)

    def _greet(self, header_table_size: int) -> None:
        settings = {
            Setting.HEADER_TABLE_SIZE: header_table_size,
            Setting.MAX_CONCURRENT_STREAMS: limits.MAX_STREAMS,
            Setting.INITIAL_WINDOW_SIZE: limits.STREAM_WINDOW,
            Setting.MAX_HEADER_LIST_SIZE: limits.MAX_HEADER_LIST,
        }
        widened = frame(frames.WINDOW_UPDATE, 0, 0, number(limits.CONNECTION_WINDOW - INITIAL_WINDOW))
        self._outbox.add(frames.settings(settings), widened)

    @property
    def open_streams(self) -> int:
        return len(self._streams)

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Return what the peer did. `now` is the time in seconds of any clock, to limit what happens in a second."""
        events = self._events = []
        self._now = now
        if self.failed:
            return events
        try:
            for kind, flags, stream_id, payload, length in self._reader.frames(data):
                if self._expects is not None:
                    self._check_order(kind, flags, stream_id)
                try:
                    if kind == frames.DATA:
                        self._on_data(flags, stream_id, payload, length)
                    else:
                        _HANDLERS.get(kind, Receiver._on_unknown)(self, flags, stream_id, payload)
                except StreamFault as fault:
                    self._tire(limits.FAULT_COST)
                    self._fail_stream(fault)
        except ConnectionFault as fault:
            self._fail(fault)
        return events

    # What the peer sends.

    def _check_order(self, kind: int, flags: int, stream_id: int) -> None:
        if kind != self._expects or (kind == frames.CONTINUATION and stream_id != self._block_of[0]):
            reason = f"a frame of type {kind} on stream {stream_id}, expected one of type {self._expects}"
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, reason)
        if kind == frames.SETTINGS:
            if flags & ACK:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the first frame acknowledges settings")
            self._expects = None

    def _on_data(self, flags: int, stream_id: int, payload: bytes, length: int) -> None:
        size = len(payload)
        self._receive_window -= length
        if self._receive_window < 0:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "more data than the connection's window")
        stream = self._streams.get(stream_id)
        if stream is None or stream.remote_ended:
            self._give_credit(None, size)
            self._on_late_data(stream_id)
            return
        stream.receive_window -= length
        if stream.receive_window < 0:
            raise StreamFault(stream_id, ErrorCode.FLOW_CONTROL_ERROR, "more data than the stream's window")
        if flags & frames.PADDED:
            payload = unpadded(flags, payload)
        stream.received += len(payload)
        self._data_frames += 1
        ended = flags & END_STREAM != 0
        if stream.paused:
            stream.held += size
        else:
            stream.credit += size
            self._credit += size
            if stream.credit >= STREAM_STEP or self._credit >= CONNECTION_STEP:
                self._give_credit(stream, 0)
        if ended:
            self._on_end(stream)
        elif not payload and (not length or flags & frames.PADDED):
            self._tire(1)  # it is not the beginning of a frame
        if not stream.local_ended:
            self._events.append(Data(stream_id, payload, ended))

    def _on_late_data(self, stream_id: int) -> None:
        self._check_not_idle(stream_id)
        self._tire(1)
        if stream_id not in self._reset_here:
            raise StreamFault(stream_id, ErrorCode.STREAM_CLOSED, "data after the end of its stream")

    def _on_end(self, stream: Stream) -> None:
        """The peer's last frame on a stream."""
        stream.remote_ended = True
        if stream.expected is not None and stream.expected != stream.received:
            reason = f"{stream.received} bytes, but a content-length of {stream.expected}"
            raise StreamFault(stream.id, ErrorCode.PROTOCOL_ERROR, reason)
        self._end(stream)

    def _on_headers(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id & 1:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"HEADERS on stream {stream_id}")
        block = unpadded(flags, payload)
        if flags & frames.PRIORITISED:
            check_priority(stream_id, block[:5])
            block = block[5:]
        self._block = [block]
        self._block_of = stream_id, flags
        if flags & END_HEADERS:
            self._on_block()
        else:
            self._expects = frames.CONTINUATION

    def _on_continuation(self, flags: int, stream_id: int, payload: bytes) -> None:
        if self._expects is None:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        self._block.append(payload)
        if len(self._block) > limits.MAX_HEADER_FRAMES or sum(map(len, self._block)) > limits.MAX_HEADER_BLOCK:
            reason = f"headers of more than {limits.MAX_HEADER_FRAMES} frames or {limits.MAX_HEADER_BLOCK} bytes"
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, reason)
        if flags & END_HEADERS:
            self._expects = None
            self._on_block()

    def _on_block(self) -> None:
        """Handle a whole header block: the beginning of a stream, or its trailers."""
        stream_id, flags = self._block_of
        block = self._block[0] if len(self._block) == 1 else b"".join(self._block)
        self._block = []
        ended = flags & END_STREAM != 0
        stream = self._streams.get(stream_id)
        try:
            if stream is not None:
                self._on_trailers(stream, block, ended)
            elif stream_id > self._last_id:
                self._on_request(stream_id, block, ended)
            else:
                self._on_late_headers(stream_id, block)
        except Malformed as error:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, str(error)) from None

    def _on_request(self, stream_id: int, block: bytes, ended: bool) -> None:
        self._last_id = stream_id
        headers = self._headers.request(block)
        if self._refusing or len(self._streams) >= limits.MAX_STREAMS:
            raise StreamFault(stream_id, ErrorCode.REFUSED_STREAM, "too many streams, or the server is draining")
        stream = Stream(stream_id, self._outbox.initial_window, limits.STREAM_WINDOW)
        stream.expected = content_length(headers) if "content-length" in headers else None
        if ended and stream.expected:
            raise Malformed(f"no body, but a content-length of {stream.expected}")
        stream.remote_ended = ended
        self._streams[stream_id] = stream
        self._events.append(Request(stream_id, headers, ended))

    def _on_trailers(self, stream: Stream, block: bytes, ended: bool) -> None:
        pairs = self._headers.decode(block)
        if stream.remote_ended:
            raise StreamFault(stream.id, ErrorCode.STREAM_CLOSED, "HEADERS after the end of the stream")
        check_trailers(pairs)
        if not ended:
            raise StreamFault(stream.id, ErrorCode.PROTOCOL_ERROR, "trailers that do not end the stream")
        self._on_end(stream)
        if not stream.local_ended:
            self._events.append(Data(stream.id, b"", True))

    def _on_late_headers(self, stream_id: int, block: bytes) -> None:
        """Trailers may cross our reset on the way; whatever else it is, the peer has lost count of its streams."""
        self._headers.decode(block)  # since it may change the state of HPACK
        self._tire(1)
        if stream_id not in self._reset_here:
            code = ErrorCode.STREAM_CLOSED if stream_id in self._ended else ErrorCode.PROTOCOL_ERROR
            raise ConnectionFault(code, f"HEADERS on stream {stream_id}, which has ended")

    def _on_priority(self, flags: int, stream_id: int, payload: bytes) -> None:
        """Priorities are ignored. https://www.rfc-editor.org/rfc/rfc9113#section-5.3.2"""
        if stream_id == 0:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0")
        check_priority(stream_id, payload)
        self._tire(1)

    def _on_rst_stream(self, flags: int, stream_id: int, payload: bytes) -> None:
        check_length(frames.RST_STREAM, payload, 4)
        self._check_not_idle(stream_id)
        stream = self._streams.get(stream_id)
        if stream is None:
            self._tire(1)
            return
        if not stream.received:
            self._tire(1)
        self._drop(stream, self._ended)
        if not stream.local_ended:
            self._events.append(Reset(stream_id, int.from_bytes(payload, "big"), ""))

    def _on_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        check_stream_0(frames.SETTINGS, stream_id)
        self._tire(1)
        if flags & ACK:
            check_length(frames.SETTINGS, payload, 0)
            self._headers.settings_taken()
            return
        if len(payload) % frames.SETTING.size:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, f"SETTINGS of {len(payload)} bytes")
        for name, value in frames.SETTING.iter_unpack(payload):
            self._set(name, value)
        self._outbox.add(frame(frames.SETTINGS, ACK, 0))

    def _set(self, name: int, value: int) -> None:
        if name == Setting.INITIAL_WINDOW_SIZE:
            if value > MAX_WINDOW:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, f"SETTINGS_INITIAL_WINDOW_SIZE is {value}")
            self._tire(len(self._streams) / limits.STREAMS_PER_COST)
            self._outbox.set_initial_window(value, self._streams)
        elif name == Setting.MAX_FRAME_SIZE:
            if not 2**14 <= value < 2**24:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"SETTINGS_MAX_FRAME_SIZE is {value}")
            self._outbox.max_frame = min(value, 4 * MAX_FRAME_SIZE)
        elif name == Setting.ENABLE_PUSH and value > 1:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"SETTINGS_ENABLE_PUSH is {value}")

    def _on_push_promise(self, flags: int, stream_id: int, payload: bytes) -> None:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE from a client")

    def _on_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        check_stream_0(frames.PING, stream_id)
        check_length(frames.PING, payload, 8)
        self._tire(1)
        if not flags & ACK:
            self._outbox.add(frame(frames.PING, ACK, 0, payload))
        elif payload == DRAIN_PING and not self._refusing:
            self._refusing = True
            self._go_away(self._last_id, ErrorCode.NO_ERROR)

    def _on_goaway(self, flags: int, stream_id: int, payload: bytes) -> None:
        check_stream_0(frames.GOAWAY, stream_id)
        if len(payload) < 8:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, f"GOAWAY of {len(payload)} bytes")
        self._tire(1)
        reason = payload[8:208].decode("utf-8", "replace")
        self._events.append(GoingAway(int.from_bytes(payload[4:8], "big"), reason))

    def _on_window_update(self, flags: int, stream_id: int, payload: bytes) -> None:
        check_length(frames.WINDOW_UPDATE, payload, 4)
        increment = int.from_bytes(payload, "big") & MAX_WINDOW
        stream = self._streams.get(stream_id)
        if stream_id and stream is None:
            self._check_not_idle(stream_id)
        if stream_id and stream is None:
            self._tire(1)
            return
        if increment < limits.SMALL_INCREMENT:
            self._on_small_increment()
        if increment == 0:
            raise _fault(stream_id, ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0")
        try:
            self._outbox.widen(stream, increment)
        except OverflowError:
            raise _fault(stream_id, ErrorCode.FLOW_CONTROL_ERROR, "WINDOW_UPDATE makes a window too wide") from None

    def _on_small_increment(self) -> None:
        """gRPC's own clients send two for each message that they read; more let an answer go byte by byte."""
        if self._small_updates < limits.UPDATES_PER_DATA * self._data_frames:
            self._small_updates += 1
        else:
            self._tire(1)

    def _on_unknown(self, flags: int, stream_id: int, payload: bytes) -> None:
        """Ignore a frame of an extension. https://www.rfc-editor.org/rfc/rfc9113#section-5.5"""
        self._tire(1)

    # What follows from it.

    def _give_credit(self, stream: Stream | None, size: int) -> None:
        """Give the peer its windows back for bytes that were read: in large steps, so that most streams take none."""
        self._credit += size
        if self._credit >= CONNECTION_STEP:
            self._outbox.add(frame(frames.WINDOW_UPDATE, 0, 0, number(self._credit)))
            self._receive_window += self._credit
            self._credit = 0
        if stream is not None:
            stream.credit += size
            if stream.credit >= STREAM_STEP and not stream.remote_ended:
                self._outbox.add(frame(frames.WINDOW_UPDATE, 0, stream.id, number(stream.credit)))
                stream.receive_window += stream.credit
                stream.credit = 0

    def _tire(self, cost: float) -> None:
        if not self._patience.spend(cost, self._now):
            reason = f"more than {limits.BURST} frames without use, and {limits.RATE} more each second"
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, reason)

    def _check_not_idle(self, stream_id: int) -> None:
        if stream_id > self._last_id or not stream_id & 1:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"a frame on stream {stream_id}, which was never opened")

    def _end(self, stream: Stream) -> None:
        """Forget a stream that has ended on both sides."""
        if stream.local_ended and stream.remote_ended:
            self._drop(stream, self._ended)

    def _drop(self, stream: Stream, ended: deque[int]) -> None:
        if self._streams.pop(stream.id, None) is not None:
            ended.append(stream.id)
            self._outbox.forget(stream)
            self._give_credit(None, stream.held)

    def _fail_stream(self, fault: StreamFault) -> None:
        self._outbox.add(frame(frames.RST_STREAM, 0, fault.stream_id, number(fault.code)))
        stream = self._streams.get(fault.stream_id)
        if stream is None:
            self._reset_here.append(fault.stream_id)
            return
        self._drop(stream, self._reset_here)
        if not stream.local_ended:
            self._events.append(Reset(fault.stream_id, fault.code, fault.reason))

    def _fail(self, fault: ConnectionFault) -> None:
        self.failed = True
        self._outbox.drop_waiting()
        self._go_away(self._last_id, fault.code, fault.reason)
        self._events.append(Failed(fault.code, fault.reason))

    def _go_away(self, last_id: int, code: ErrorCode, reason: str = "") -> None:
        self._outbox.add(frame(frames.GOAWAY, 0, 0, number(last_id) + number(code) + reason.encode()))


def _fault(stream_id: int, code: ErrorCode, reason: str) -> StreamFault | ConnectionFault:
    """Return an error of a stream; of the connection for stream 0."""
    return StreamFault(stream_id, code, reason) if stream_id else ConnectionFault(code, reason)


_HANDLERS: dict[int, Callable[[Receiver, int, int, bytes], None]] = {
    frames.HEADERS: Receiver._on_headers,
    frames.PRIORITY: Receiver._on_priority,
    frames.RST_STREAM: Receiver._on_rst_stream,
    frames.SETTINGS: Receiver._on_settings,
    frames.PUSH_PROMISE: Receiver._on_push_promise,
    frames.PING: Receiver._on_ping,
    frames.GOAWAY: Receiver._on_goaway,
    frames.WINDOW_UPDATE: Receiver._on_window_update,
    frames.CONTINUATION: Receiver._on_continuation,
}
