"""gRPC's framing of messages inside an HTTP/2 body.

The prefix of a message is one byte, the compression flag, and four bytes, its length, big-endian.
https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import struct

_PREFIX = struct.Struct("!BI")


class FramingError(Exception):
    """A message is compressed or too long."""


class MessageTooLong(FramingError):
    """A message is too long."""


def prefix(length: int) -> bytes:
    """Return what precedes a message of `length` bytes."""
    return _PREFIX.pack(0, length)


def frame(message: bytes) -> bytes:
    """Return a message with its prefix."""
    return _PREFIX.pack(0, len(message)) + message


class MessageDecoder:
    """A decoder of a byte stream into messages. It buffers at most one incomplete message."""

    def __init__(self, max_length: int) -> None:
        self._buffer: bytes | bytearray = b""
        self._position = 0
        self._max_length = max_length

    def feed(self, data: bytes) -> None:
        """Add the next bytes. Afterwards you must call `next_message()` until it returns None."""
        if self._position == len(self._buffer):  # the usual case: messages are seldom split
            self._buffer = data
        else:
            rest = self._buffer if isinstance(self._buffer, bytearray) else bytearray(self._buffer)
            del rest[: self._position]
            rest += data
            self._buffer = rest
        self._position = 0

    def next_message(self) -> bytes | None:
        """Return the next message, or None if it is incomplete.

        Raises:
            MessageTooLong: it is longer than allowed.
            FramingError: it is compressed.
        """
        buffer, start = self._buffer, self._position + 5
        size = len(buffer)
        if start > size:
            return None
        compressed, length = _PREFIX.unpack_from(buffer, self._position)
        stop = start + length
        if compressed:
            raise FramingError("compressed messages are not supported")
        if length > self._max_length:
            raise MessageTooLong(f"a message of {length} bytes, expected no more than {self._max_length} bytes")
        if stop > size:
            return None
        if stop == size:  # free it: it can be large, and the next message may take minutes
            self._buffer, self._position = b"", 0
        else:
            self._position = stop
        # Slicing a bytearray would copy twice.
        return buffer[start:stop] if type(buffer) is bytes else bytes(memoryview(buffer)[start:stop])
