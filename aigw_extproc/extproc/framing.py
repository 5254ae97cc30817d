"""gRPC's framing of messages inside an HTTP/2 body.

Each message is prefixed by one byte that says whether it is compressed, and its length in four bytes, big-endian.
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import struct

_PREFIX = struct.Struct("!BI")


class FramingError(Exception):
    """The bytes are not gRPC's, or a message is compressed or too long."""


def frame(message: bytes) -> bytes:
    """One message with its prefix."""
    return _PREFIX.pack(0, len(message)) + message


class MessageDecoder:
    """Turns bytes, cut anywhere, into messages. Holds at most one incomplete message."""

    def __init__(self, max_length: int) -> None:
        self._buffer: bytes | bytearray = b""
        self._position = 0
        self._max_length = max_length

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. You must call `next_message()` until it returns None."""
        if self._position == len(self._buffer):  # mostly: a message seldom comes in pieces
            self._buffer = data
        else:
            rest = self._buffer if isinstance(self._buffer, bytearray) else bytearray(self._buffer)
            del rest[: self._position]
            rest += data
            self._buffer = rest
        self._position = 0

    def next_message(self) -> bytes | None:
        """The next message, or None when more bytes are needed for it.

        Raises:
            FramingError: it is compressed, or longer than allowed.
        """
        start = self._position + _PREFIX.size
        if start > len(self._buffer):
            return None
        compressed, length = _PREFIX.unpack_from(self._buffer, self._position)
        if compressed:
            raise FramingError("compressed messages are not supported")
        if length > self._max_length:
            raise FramingError(f"a message of {length} bytes, expected no more than {self._max_length} bytes")
        if start + length > len(self._buffer):
            return None
        self._position = start + length
        with memoryview(self._buffer) as buffer:  # a slice of a bytearray would be one more copy
            message = bytes(buffer[start : self._position])
        if self._position == len(self._buffer):  # it can be large, and the next message take minutes
            self._buffer, self._position = b"", 0
        return message
