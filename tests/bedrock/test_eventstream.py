"""The event-stream decoder: frames at once, byte by byte, with trailing bytes, corrupt; botocore is the oracle."""

from __future__ import annotations

import struct
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.bedrock.eventstream import MAX_FRAME_LENGTH, EventStreamDecoder, Frame
from aigw_extproc.errors import ChecksumMismatch, EventStreamError, InvalidFrame, UpstreamTruncated

STRING, BYTES, UUID = 7, 6, 9


def header(name: str, kind: int, value: bytes = b"") -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([kind]) + value


def length_prefixed(value: bytes) -> bytes:
    return struct.pack("!H", len(value)) + value


def frame(headers: bytes = b"", payload: bytes = b"") -> bytes:
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    data = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return data + struct.pack("!I", crc32(data))


EVENT = frame(header(":event-type", STRING, length_prefixed(b"messageStart")), b'{"role":"assistant"}')

HEADERS = st.one_of(
    st.tuples(st.just(0)).map(lambda t: (t[0], b"")),
    st.tuples(st.just(1)).map(lambda t: (t[0], b"")),
    st.integers(-(2**7), 2**7 - 1).map(lambda n: (2, struct.pack("!b", n))),
    st.integers(-(2**15), 2**15 - 1).map(lambda n: (3, struct.pack("!h", n))),
    st.integers(-(2**31), 2**31 - 1).map(lambda n: (4, struct.pack("!i", n))),
    st.integers(-(2**63), 2**63 - 1).map(lambda n: (5, struct.pack("!q", n))),
    st.binary(max_size=50).map(lambda b: (BYTES, length_prefixed(b))),
    st.text(max_size=50).map(lambda s: (STRING, length_prefixed(s.encode()))),
    st.integers(-(2**63), 2**63 - 1).map(lambda n: (8, struct.pack("!q", n))),
    st.binary(min_size=16, max_size=16).map(lambda b: (UUID, b)),
)
NAMES = st.from_regex(r"[:a-z][a-z-]{0,20}", fullmatch=True)
FRAMES = st.builds(
    lambda headers, payload: frame(b"".join(header(name, *value) for name, value in headers.items()), payload),
    st.dictionaries(NAMES, HEADERS, max_size=5),
    st.binary(max_size=200),
)


def decode(decoder: EventStreamDecoder, data: bytes) -> list[Frame]:
    """Feed bytes and return the complete frames."""
    decoder.feed(data)
    return list(iter(decoder.next_frame, None))


def split(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, position = [], 0
    for size in sizes:
        pieces.append(data[position : position + size])
        position += size
    return [*pieces, data[position:]]


@given(frames=st.lists(FRAMES, max_size=5), sizes=st.lists(st.integers(0, 60), max_size=20))
def test_frames_split_anywhere_decode_as_in_botocore(frames: list[bytes], sizes: list[int]) -> None:
    data = b"".join(frames)
    oracle = EventStreamBuffer()
    oracle.add_data(data)
    expected = [Frame(event.headers, event.payload) for event in oracle]
    decoder = EventStreamDecoder()
    decoded = [frame for piece in split(data, sizes) for frame in decode(decoder, piece)]
    decoder.close()
    assert decoded == expected


def test_frame_is_complete_with_its_last_byte() -> None:
    decoder = EventStreamDecoder()
    assert [decode(decoder, bytes([byte])) for byte in EVENT[:-1]] == [[]] * (len(EVENT) - 1)
    assert decode(decoder, EVENT[-1:]) == [Frame({":event-type": "messageStart"}, b'{"role":"assistant"}')]


def test_bytes_after_a_frame_are_kept_for_the_next() -> None:
    decoder = EventStreamDecoder()
    assert len(decode(decoder, EVENT + EVENT[:5])) == 1
    assert len(decode(decoder, EVENT[5:])) == 1


def test_end_inside_a_frame_is_a_truncation() -> None:
    decoder = EventStreamDecoder()
    decode(decoder, EVENT[:-1])
    with pytest.raises(UpstreamTruncated):
        decoder.close()


@given(position=st.integers(0, len(EVENT) - 1), flip=st.integers(1, 255))
def test_any_corrupt_byte_is_detected_without_more_bytes(position: int, flip: int) -> None:
    corrupt = bytearray(EVENT)
    corrupt[position] ^= flip
    with pytest.raises(EventStreamError):
        decode(EventStreamDecoder(), bytes(corrupt))


def test_error_names_both_checksums() -> None:
    corrupt = EVENT[:-4] + b"\0\0\0\0"
    expected = crc32(EVENT[:-4])
    with pytest.raises(ChecksumMismatch) as caught:
        decode(EventStreamDecoder(), corrupt)
    assert str(caught.value) == f"message checksum: expected 0x00000000, calculated 0x{expected:08x}"


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack("!II", total, headers)
    return lengths + struct.pack("!I", crc32(lengths))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            prelude(MAX_FRAME_LENGTH + 1, 0),
            f"a frame of {MAX_FRAME_LENGTH + 1} bytes with 0 bytes of headers exceeds the limit",
        ),
        (prelude(2**31, 2**30), f"a frame of {2**31} bytes with {2**30} bytes of headers exceeds the limit"),
        (prelude(15, 0), "a frame of 15 bytes cannot hold 0 bytes of headers"),
        (prelude(20, 8), "a frame of 20 bytes cannot hold 8 bytes of headers"),
        (frame(header("a", 10)), "header type 10 does not exist"),
        (frame(header("a", STRING, b"\0\x09short")), "the headers of a frame cannot be decoded"),
        (frame(header("a", STRING, length_prefixed(b"\xff"))), "the headers of a frame cannot be decoded"),
        (frame(header("a", 5, b"\0")), "the headers of a frame cannot be decoded"),
        (frame(header("a", UUID, b"\0")), "the headers of a frame cannot be decoded"),
        (frame(b"\x05ab"), "the headers of a frame cannot be decoded"),
    ],
)
def test_invalid_frames(data: bytes, message: str) -> None:
    with pytest.raises(InvalidFrame) as caught:
        decode(EventStreamDecoder(), data)
    assert str(caught.value) == message


def test_frame_before_a_corrupt_one_is_not_lost() -> None:
    decoder = EventStreamDecoder()
    decoder.feed(EVENT + b"\xff" * 20)
    assert decoder.next_frame() is not None
    with pytest.raises(ChecksumMismatch):
        decoder.next_frame()


def test_buffer_holds_at_most_one_frame() -> None:
    decoder = EventStreamDecoder()
    for _ in range(1000):
        decode(decoder, EVENT)
    assert len(decoder._buffer) == len(EVENT)


@given(st.binary(max_size=300))
def test_random_bytes_are_rejected_or_incomplete(data: bytes) -> None:
    decoder = EventStreamDecoder()
    try:
        decode(decoder, data)
    except EventStreamError:
        return
    assert len(decoder._buffer) <= len(data)
