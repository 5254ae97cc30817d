"""An incremental decoder of AWS's binary event stream.

A frame is: total length (4), headers length (4), CRC-32 of these 8 bytes (4), headers, payload, CRC-32 of everything
before it (4); all big-endian. https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html

`next_frame()` has three outcomes: a frame, None for "need more", or an exception for "corrupt". Decoding cannot
continue after an exception: the boundaries of frames are lost.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from zlib import crc32

import msgspec

from aigw_extproc.errors import ChecksumMismatch, InvalidFrame, UpstreamTruncated

CONTENT_TYPE = "application/vnd.amazon.eventstream"

# https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html: 16 MB and 128 kB, for all AWS services.
MAX_PAYLOAD_LENGTH = 16 * 1024 * 1024
MAX_HEADERS_LENGTH = 128 * 1024

_PRELUDE = struct.Struct("!III")
_OVERHEAD = _PRELUDE.size + 4  # prelude and the CRC at the end
MAX_FRAME_LENGTH = _OVERHEAD + MAX_HEADERS_LENGTH + MAX_PAYLOAD_LENGTH

HeaderValue = bool | int | bytes | str

# Header value types by number; those in _FIXED have a fixed size.
_FIXED = {
    2: struct.Struct("!b"),
    3: struct.Struct("!h"),
    4: struct.Struct("!i"),
    5: struct.Struct("!q"),
    8: struct.Struct("!q"),  # timestamp, milliseconds since 1970
}
_TRUE, _FALSE, _BYTES, _STRING, _UUID = 0, 1, 6, 7, 9


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A frame: headers by name (`:event-type`, `:message-type`…) and payload."""

    headers: Mapping[str, HeaderValue]
    payload: bytes


class EventStreamDecoder:
    """Decodes bytes, split at any position, into frames. Holds at most one incomplete frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._position = 0

    def feed(self, data: bytes) -> None:
        """Append bytes. Call `next_frame()` until it returns None before the next call."""
        del self._buffer[: self._position]
        self._position = 0
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """Return the next frame, or None if it is not complete yet.

        Raises:
            ChecksumMismatch: a CRC does not match the bytes.
            InvalidFrame: a length is impossible, or a header cannot be decoded.
        """
        start, available = self._position, len(self._buffer) - self._position
        if available < _PRELUDE.size:
            return None
        total_length, headers_length = self._prelude(start)
        if available < total_length:
            return None
        self._position += total_length
        frame = bytes(self._buffer[start : self._position])
        _check_crc("message", int.from_bytes(frame[-4:], "big"), frame[:-4])
        headers_end = _PRELUDE.size + headers_length
        return Frame(_headers(frame[_PRELUDE.size : headers_end]), frame[headers_end:-4])

    def close(self) -> None:
        """Declare the end of the stream.

        Raises:
            UpstreamTruncated: a frame is incomplete.
        """
        if self._position < len(self._buffer):
            raise UpstreamTruncated

    def _prelude(self, start: int) -> tuple[int, int]:
        """Return the length of the frame and the length of its headers."""
        total_length, headers_length, expected = _PRELUDE.unpack_from(self._buffer, start)
        # The CRC is checked first: a corrupt length must not make us wait for bytes that never arrive.
        _check_crc("prelude", expected, self._buffer[start : start + 8])
        if total_length > MAX_FRAME_LENGTH or headers_length > MAX_HEADERS_LENGTH:
            raise InvalidFrame(
                f"a frame of {total_length} bytes with {headers_length} bytes of headers exceeds the limit"
            )
        if total_length < _OVERHEAD + headers_length:
            raise InvalidFrame(f"a frame of {total_length} bytes cannot hold {headers_length} bytes of headers")
        return total_length, headers_length


def _check_crc(part: str, expected: int, data: bytes | bytearray) -> None:
    calculated = crc32(data)
    if calculated != expected:
        raise ChecksumMismatch(f"{part} checksum: expected 0x{expected:08x}, calculated 0x{calculated:08x}")


# Bedrock's headers only hold the type of an event, so a stream has about six different header blocks.
@lru_cache(maxsize=64)
def _headers(data: bytes) -> Mapping[str, HeaderValue]:
    try:
        return MappingProxyType(dict(_decode_headers(data)))
    except (struct.error, IndexError, UnicodeDecodeError):
        raise InvalidFrame("the headers of a frame cannot be decoded") from None


def _decode_headers(data: bytes) -> Iterator[tuple[str, HeaderValue]]:
    position = 0
    while position < len(data):
        name_end = position + 1 + data[position]
        name = data[position + 1 : name_end].decode()
        value, position = _decode_value(data, data[name_end], name_end + 1)
        yield name, value


def _decode_value(data: bytes, kind: int, position: int) -> tuple[HeaderValue, int]:
    """Return the value that starts at `position`, and the position of the next header."""
    if kind == _STRING:
        value, end = _length_prefixed(data, position)
        return value.decode(), end
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, position
    if kind in _FIXED:
        return _FIXED[kind].unpack_from(data, position)[0], position + _FIXED[kind].size
    if kind == _BYTES:
        return _length_prefixed(data, position)
    if kind == _UUID:
        return _take(data, position, 16), position + 16
    raise InvalidFrame(f"header type {kind} does not exist")


def _length_prefixed(data: bytes, position: int) -> tuple[bytes, int]:
    start = position + 2
    length = int.from_bytes(_take(data, position, 2), "big")
    return _take(data, start, length), start + length


def _take(data: bytes, position: int, length: int) -> bytes:
    value = data[position : position + length]
    if len(value) != length:
        raise IndexError(position)
    return value
