"""What goes to the peer: frames that can go at once, and data that waits for its windows.

https://www.rfc-editor.org/rfc/rfc9113#section-5.2
"""

from __future__ import annotations

from collections import deque
from typing import Final

from aigw_extproc.extproc.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADER,
    HEADERS,
    MAX_FRAME_SIZE,
    ConnectionFault,
    ErrorCode,
    frame,
    header,
)

INITIAL_WINDOW: Final = 65_535
MAX_WINDOW: Final = 2**31 - 1


class Stream:
    """The state of an open stream. Most of them wait for an answer, so they are kept small."""

    __slots__ = (
        "credit",
        "expected",
        "held",
        "id",
        "local_ended",
        "paused",
        "pending",
        "queued",
        "receive_window",
        "received",
        "remote_ended",
        "trailers",
        "window",
    )

    def __init__(self, stream_id: int, window: int, receive_window: int) -> None:
        self.id = stream_id
        self.window = window
        """Bytes that we may send."""
        self.receive_window = receive_window
        self.received = 0
        """Bytes of data, without padding."""
        self.expected: int | None = None
        """The request's content-length."""
        self.credit = 0
        """Bytes that were read, for the next WINDOW_UPDATE."""
        self.held = 0
        """Bytes that came while the stream was paused."""
        self.paused = False
        self.remote_ended = False
        self.local_ended = False
        self.pending: list[memoryview] | None = None
        """Data that waits to be sent."""
        self.trailers: bytes | None = None
        """The header block that is sent after it."""
        self.queued = False


class Outbox:
    """Frames to send, in order; and data that waits, of each stream in turn."""

    def __init__(self) -> None:
        self.window = INITIAL_WINDOW
        """Bytes of data that we may send on all streams together."""
        self.initial_window = INITIAL_WINDOW
        self.max_frame = MAX_FRAME_SIZE
        self.sent: list[Stream] = []
        """Streams whose waiting data is gone since the caller last emptied this list."""
        self._frames: list[bytes | memoryview] = []
        self._queue: deque[Stream] = deque()

    def add(self, *frames: bytes) -> None:
        """Add frames that flow control does not concern."""
        self._frames += frames

    def add_data(self, stream: Stream, data: bytes) -> bool:
        """Add data of a stream. Return False if some of it has to wait."""
        size = len(data)
        if stream.pending or size > self.max_frame or size > stream.window or size > self.window:
            stream.pending = [*(stream.pending or ()), memoryview(data)]
            self.enqueue(stream)
            return False
        self.window -= size
        stream.window -= size
        self._frames += (HEADER.pack(size >> 8, size & 0xFF, DATA, 0, stream.id), data)
        return True

    def end(self, stream: Stream, block: bytes) -> None:
        """End a stream with trailers, after its waiting data."""
        if stream.pending:
            stream.trailers = block
        else:
            stream.local_ended = True
            self._frames.append(frame(HEADERS, END_HEADERS | END_STREAM, stream.id, block))

    def enqueue(self, stream: Stream) -> None:
        """Let a stream send its waiting data, as far as its window allows."""
        if stream.pending and not stream.queued and stream.window > 0:
            stream.queued = True
            self._queue.append(stream)

    def forget(self, stream: Stream) -> None:
        """Drop what waits on a stream that has ended."""
        stream.pending = stream.trailers = None

    def drop_waiting(self) -> None:
        """Send no data any more."""
        self._queue.clear()

    def widen(self, stream: Stream | None, increment: int) -> None:
        """Widen the window of a stream; of the connection if it is None.

        Raises:
            OverflowError: it would be wider than HTTP/2 allows.
        """
        window = (self if stream is None else stream).window + increment
        if window > MAX_WINDOW:
            raise OverflowError
        if stream is None:
            self.window = window
        else:
            stream.window = window
            self.enqueue(stream)

    def set_initial_window(self, size: int, streams: dict[int, Stream]) -> None:
        """Set the initial window of streams, which also changes the windows of those that are open.

        Raises:
            ConnectionFault: a window would be wider than HTTP/2 allows.
        """
        difference, self.initial_window = size - self.initial_window, size
        try:
            for stream in streams.values():
                self.widen(stream, difference)
        except OverflowError:
            reason = f"SETTINGS_INITIAL_WINDOW_SIZE {size} widens a stream's window too much"
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, reason) from None

    @property
    def can_send(self) -> bool:
        """Some data that waits can be sent now."""
        return bool(self._queue) and self.window > 0

    def take(self, limit: int) -> bytes:
        """Return bytes to send: all frames, then data that waits, up to about `limit` bytes of it."""
        while self._queue and self.window > 0 and limit > 0:
            stream = self._queue.popleft()
            stream.queued = False
            limit -= self._add_waiting(stream)
        data = b"".join(self._frames)
        self._frames.clear()
        return data

    def _add_waiting(self, stream: Stream) -> int:
        """Add the next frame of a stream's waiting data. Return its size."""
        if not stream.pending:
            return 0
        first = stream.pending[0]
        size = min(len(first), self.max_frame, self.window, stream.window)
        if size <= 0 and len(first):
            return 0  # until its window is widened
        self.window -= size
        stream.window -= size
        self._frames += (header(size, DATA, 0, stream.id), first[:size])
        if size < len(first):
            stream.pending[0] = first[size:]
        else:
            del stream.pending[0]
        if stream.pending:
            self.enqueue(stream)
        else:
            self._complete(stream)
        return size

    def _complete(self, stream: Stream) -> None:
        stream.pending = None
        self.sent.append(stream)
        if stream.trailers is not None:
            self.end(stream, stream.trailers)
