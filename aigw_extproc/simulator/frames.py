"""Encoder of `application/vnd.amazon.eventstream`, the format of Bedrock's streams.

A frame is a prelude (total length, length of the headers, CRC32 of those eight bytes), the headers, the payload
and the CRC32 of everything before it; integers are big-endian.
https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
"""

from __future__ import annotations

import string
import struct
from collections.abc import Mapping
from zlib import crc32

import msgspec

CONTENT_TYPE = "application/vnd.amazon.eventstream"

STRING_HEADER = 7
"""The only header type that Bedrock uses: a 16-bit length and UTF-8 text."""

PADDING = string.ascii_lowercase + string.ascii_uppercase + string.digits


def encode_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return a frame with string headers."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    lengths = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    message = lengths + struct.pack("!I", crc32(lengths)) + encoded + payload
    return message + struct.pack("!I", crc32(message))


def event(name: str, payload: object) -> bytes:
    """Return an event frame with a JSON payload, to which the padding field `p` is added.

    Bedrock pads to hide the size of the text; clients have to ignore the field.
    """
    body = msgspec.json.encode(payload)
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return encode_frame(headers, b'%s,"p":"%s"}' % (body[:-1], _padding(len(body))))


def exception(name: str, message: str) -> bytes:
    """Return an exception frame, after which Bedrock ends the stream. `name` begins in lower case."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return encode_frame(headers, msgspec.json.encode({"message": message}))


def _header(name: str, value: str) -> bytes:
    name_bytes, value_bytes = name.encode(), value.encode()
    return (
        struct.pack("!B", len(name_bytes))
        + name_bytes
        + struct.pack("!BH", STRING_HEADER, len(value_bytes))
        + value_bytes
    )


def _padding(size: int) -> bytes:
    return PADDING[: 1 + (-size) % len(PADDING)].encode()
