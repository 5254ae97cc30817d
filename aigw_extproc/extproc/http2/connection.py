"""A connection: the peer's bytes to events, and answers to bytes.

    events = connection.receive(data, now=now)
    connection.send_headers(stream_id, block)
    connection.send_data(stream_id, data)
    transport.write(connection.data_to_send(limit))

Calls for a stream that has ended meanwhile do nothing: the peer may end it at any time.
"""

from __future__ import annotations

from aigw_extproc.extproc.http2 import frames
from aigw_extproc.extproc.http2.frames import END_HEADERS, MAX_STREAM_ID, ErrorCode, frame, number
from aigw_extproc.extproc.http2.receiver import DRAIN_PING, Receiver


class Connection(Receiver):
    """The server's side of a connection."""

    def send_headers(self, stream_id: int, block: bytes) -> None:
        """Send the headers of a response."""
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.local_ended:
            self._outbox.add(frame(frames.HEADERS, END_HEADERS, stream_id, block))

    def send_data(self, stream_id: int, data: bytes) -> bool:
        """Send data. Return False if some of it waits: then send no more until `take_sent()` returns the stream."""
        stream = self._streams.get(stream_id)
        return stream is None or stream.local_ended or self._outbox.add_data(stream, data)

    def send_trailers(self, stream_id: int, block: bytes) -> None:
        """End a stream, after its data. Alone, they are the headers of a response without a body."""
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.local_ended:
            self._outbox.end(stream, block)
            self._end(stream)

    def reset(self, stream_id: int, code: ErrorCode) -> None:
        """End a stream at once, and drop what waits on it."""
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._outbox.add(frame(frames.RST_STREAM, 0, stream_id, number(code)))
            self._drop(stream, self._reset_here)

    def pause(self, stream_id: int) -> None:
        """Let the peer send no more on a stream than its window has left."""
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.paused = True

    def resume(self, stream_id: int) -> None:
        """Give the peer its window back: what came on the stream was read."""
        stream = self._streams.get(stream_id)
        if stream is not None and stream.paused:
            stream.paused = False
            held, stream.held = stream.held, 0
            self._give_credit(stream, held)

    def drain(self) -> None:
        """Ask the peer to open no more streams. Those that it opens before it knows are served.

        https://www.rfc-editor.org/rfc/rfc9113#section-6.8
        """
        self._go_away(MAX_STREAM_ID, ErrorCode.NO_ERROR)
        self._outbox.add(frame(frames.PING, 0, 0, DRAIN_PING))

    @property
    def drained(self) -> bool:
        """The peer knows that it cannot open streams, and none is open."""
        return self._refusing and not self._streams

    @property
    def can_send(self) -> bool:
        """Data that waited can be sent now: `data_to_send` returned a part of it."""
        return self._outbox.can_send

    def data_to_send(self, limit: int) -> bytes:
        """Return bytes for the peer, empty if there are none. Data that waited is at most about `limit` bytes of it."""
        return self._outbox.take(limit)

    def take_sent(self) -> list[int]:
        """Return the streams whose waiting data has gone since the last call."""
        if not self._outbox.sent:
            return []
        sent, self._outbox.sent = self._outbox.sent, []
        for stream in sent:
            self._end(stream)
        return [stream.id for stream in sent if not stream.local_ended]
