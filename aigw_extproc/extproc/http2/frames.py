"""Frames of HTTP/2: numbers, bytes, and a reader that takes bytes apart.

https://www.rfc-editor.org/rfc/rfc9113#section-4
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""The first bytes of a client."""
MAX_FRAME_SIZE: Final = 16_384
"""Bytes of a frame's payload that we accept: HTTP/2's default."""
MAX_STREAM_ID: Final = 2**31 - 1

DATA: Final = 0x0
HEADERS: Final = 0x1
PRIORITY: Final = 0x2
RST_STREAM: Final = 0x3
SETTINGS: Final = 0x4
PUSH_PROMISE: Final = 0x5
PING: Final = 0x6
GOAWAY: Final = 0x7
WINDOW_UPDATE: Final = 0x8
CONTINUATION: Final = 0x9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITISED: Final = 0x20

HEADER: Final = Struct("!HBBBL")
"""A frame's header: length (16 and 8 bits), type, flags, stream."""
SETTING: Final = Struct("!HL")

Frame = tuple[int, int, int, bytes, int]
"""Type, flags, stream, payload, and the length that counts for flow control."""


class Setting(IntEnum):
    """https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2"""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6


class ErrorCode(IntEnum):
    """https://www.rfc-editor.org/rfc/rfc9113#section-7"""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class ConnectionFault(Exception):
    """The peer has broken the protocol in a way that ends the connection."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class StreamFault(Exception):
    """The peer has broken the protocol on one stream, which is reset."""

    def __init__(self, stream_id: int, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.stream_id = stream_id
        self.code = code
        self.reason = reason


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """Return a frame's bytes."""
    return header(len(payload), kind, flags, stream_id) + payload


def header(length: int, kind: int, flags: int, stream_id: int) -> bytes:
    """Return the header of a frame with `length` bytes of payload."""
    return HEADER.pack(length >> 8, length & 0xFF, kind, flags, stream_id)


def settings(values: dict[Setting, int]) -> bytes:
    """Return a SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(SETTING.pack(name, value) for name, value in values.items()))


def number(value: int) -> bytes:
    """Return the payload of WINDOW_UPDATE and RST_STREAM."""
    return value.to_bytes(4, "big")


def unpadded(flags: int, payload: bytes) -> bytes:
    """Return the payload of a DATA or HEADERS frame without its padding.

    Raises:
        ConnectionFault: the padding is longer than the payload.
    """
    if not flags & PADDED:
        return payload
    if not payload:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "a padded frame is empty")
    end = len(payload) - payload[0]
    if end < 1:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a frame's padding is longer than the frame")
    return payload[1:end]


def check_stream_0(kind: int, stream_id: int) -> None:
    """Check that a frame concerns the connection.

    Raises:
        ConnectionFault: it is not.
    """
    if stream_id:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"a frame of type {kind} on stream {stream_id}, expected 0")


def check_length(kind: int, payload: bytes, length: int) -> None:
    """Check the length of a frame's payload.

    Raises:
        ConnectionFault: it is not.
    """
    if len(payload) != length:
        reason = f"a frame of type {kind} with {len(payload)} bytes, expected {length}"
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, reason)


def check_priority(stream_id: int, payload: bytes) -> None:
    """Check the fields of a priority, although priorities are ignored.

    Raises:
        ConnectionFault: it is not.
    """
    check_length(PRIORITY, payload, 5)
    if int.from_bytes(payload[:4], "big") & MAX_STREAM_ID == stream_id:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"stream {stream_id} depends on itself")


class FrameReader:
    """Takes a client's bytes apart. It holds at most one incomplete frame, and none of DATA without padding."""

    def __init__(self) -> None:
        self._buffer = b""
        self._preface = PREFACE
        self._left = 0
        """Bytes to come of a DATA frame whose beginning was returned."""
        self._left_of = (0, 0)
        """Flags and stream of that frame."""

    def frames(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that end in `data`. A DATA frame comes in pieces if it does, each as a frame.

        Raises:
            ConnectionFault: this is not HTTP/2, or a frame is too long.
        """
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        start = self._after_preface(data) if self._preface else 0
        if self._left and data:
            start = min(self._left, len(data))
            yield self._piece(data[:start])
        end = len(data)
        while end - start >= HEADER.size:
            high, low, kind, flags, stream_id = HEADER.unpack_from(data, start)
            length = high << 8 | low
            if length > MAX_FRAME_SIZE:
                reason = f"a frame of {length} bytes, expected no more than {MAX_FRAME_SIZE}"
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, reason)
            stop = start + HEADER.size + length
            if stop > end and (kind != DATA or flags & PADDED):
                break
            stream_id &= MAX_STREAM_ID
            if stop > end:
                self._left, self._left_of = stop - end, (flags, stream_id)
                flags &= ~END_STREAM
            yield kind, flags, stream_id, data[start + HEADER.size : stop], length
            start = min(stop, end)
        self._buffer = data[start:]

    def _piece(self, payload: bytes) -> Frame:
        """Return the next piece of a DATA frame, whose length was counted with the first one."""
        self._left -= len(payload)
        flags, stream_id = self._left_of
        return DATA, flags & ~END_STREAM if self._left else flags, stream_id, payload, 0

    def _after_preface(self, data: bytes) -> int:
        """Check the bytes of the connection preface, and return the position after them."""
        part = data[: len(self._preface)]
        if not self._preface.startswith(part):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the connection does not begin as HTTP/2")
        self._preface = self._preface[len(part) :]
        return len(part)
