"""Tests for the limits of aigw_extproc.extproc.http2: attacks end their own connection, and an Envoy is far from it."""

from __future__ import annotations

import tracemalloc

import pytest

from aigw_extproc.extproc.http2 import frames
from aigw_extproc.extproc.http2.events import Request
from aigw_extproc.extproc.http2.frames import ACK, END_HEADERS, ErrorCode, Setting, frame, number
from aigw_extproc.extproc.http2.limits import BURST, MAX_HEADER_FRAMES, MAX_HEADER_LIST, MAX_STREAMS, RATE
from tests.extproc.http2.peer import Peer, data, headers, opening, settings

CALM = ErrorCode.ENHANCE_YOUR_CALM
TOO_MANY = (CALM, "more than 10000 frames without use, and 1000 more each second")


def reset_without_data(number_: int) -> bytes:
    stream_id = 2 * number_ + 1
    return opening(stream_id) + frame(frames.RST_STREAM, 0, stream_id, number(8))


FLOODS = {
    "SETTINGS": lambda _: settings(),
    "acknowledgements": lambda _: frame(frames.SETTINGS, ACK, 0),
    "PING": lambda _: frame(frames.PING, 0, 0, bytes(8)),
    "PRIORITY": lambda _: frame(frames.PRIORITY, 0, 1, bytes(5)[:4] + b"\x10"),
    "unknown frames": lambda _: frame(0xEE, 0, 0),
    "GOAWAY": lambda _: frame(frames.GOAWAY, 0, 0, bytes(8)),
    "resets of streams without data": reset_without_data,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_ends_its_connection(flood: object) -> None:
    assert callable(flood)
    peer = Peer()
    assert peer.failure(*[flood(number_) for number_ in range(BURST + 1)]) == TOO_MANY


def test_a_flood_of_empty_data_ends_its_connection() -> None:
    peer = Peer()
    peer.send(opening(1))
    assert peer.failure(data(1, b"") * (BURST + 1)) == TOO_MANY


def test_a_frame_that_comes_in_pieces_is_not_empty() -> None:
    peer, piece = Peer(), data(1, b"hello")
    peer.send(opening(1))
    for _ in range(BURST + 1):
        peer.send(piece[:9])
        peer.send(piece[9:])
        peer.answers()
    assert not peer.connection.failed


def test_a_flood_of_small_increments_ends_its_connection() -> None:
    """A slow reader that lets an answer go byte by byte."""
    peer = Peer((Setting.INITIAL_WINDOW_SIZE, 0))
    peer.send(opening(1))
    peer.connection.send_data(1, bytes(100_000))
    assert peer.failure(frame(frames.WINDOW_UPDATE, 0, 1, number(1)) * (BURST + 1)) == TOO_MANY


def test_a_client_that_gives_back_each_message_it_reads_is_no_attack() -> None:
    """gRPC's own clients do, on the stream and on the connection."""
    peer = Peer()
    peer.send(opening(1))
    for _ in range(2 * BURST):
        peer.send(data(1, b"message"))
        peer.connection.send_data(1, bytes(100))
        peer.answers()
        peer.send(*[frame(frames.WINDOW_UPDATE, 0, one, number(100)) for one in (0, 1)])
    assert not peer.connection.failed


def test_data_for_streams_that_have_ended_ends_its_connection() -> None:
    peer = Peer()
    peer.send(opening(1, end=True), frame(frames.RST_STREAM, 0, 1, number(8)))
    assert peer.failure(data(1, b"x") * (BURST + 1)) == TOO_MANY


def test_window_games_cost_more_with_more_streams() -> None:
    peer = Peer()
    peer.send(*[opening(2 * number_ + 1) for number_ in range(5_000)])
    changes = [settings((Setting.INITIAL_WINDOW_SIZE, number_ % 2)) for number_ in range(200)]
    assert peer.failure(*changes) == TOO_MANY


def test_the_allowance_comes_back_with_time() -> None:
    """Keep-alive pings of an idle connection are never too many."""
    peer = Peer()
    for second in range(30):
        peer.now = float(second)
        assert peer.send(frame(frames.PING, 0, 0, bytes(8)) * RATE) == []
        peer.answers()


def test_clients_that_leave_by_the_thousand_are_no_attack() -> None:
    """Envoy resets the stream of each; it had sent the first message with the headers."""
    peer = Peer()
    for number_ in range(3 * BURST):
        stream_id = 2 * number_ + 1
        peer.send(opening(stream_id), data(stream_id, b"message"), frame(frames.RST_STREAM, 0, stream_id, number(8)))
        peer.answers()
    assert not peer.connection.failed
    assert peer.connection.open_streams == 0


def test_headers_without_end_are_refused() -> None:
    more = frame(frames.CONTINUATION, 0, 1, b"")
    expected = (CALM, "headers of more than 8 frames or 32768 bytes")
    assert Peer().failure(frame(frames.HEADERS, 0, 1, headers()), more * MAX_HEADER_FRAMES) == expected
    long = frame(frames.CONTINUATION, 0, 1, bytes(16_384))
    assert Peer().failure(frame(frames.HEADERS, 0, 1, headers()), long * 2) == expected


def test_a_header_list_that_grows_when_it_is_decoded_is_refused() -> None:
    """A table's entry costs one byte for each use."""
    peer = Peer()
    entry = b"\x83" * (MAX_HEADER_LIST // 40)
    block = headers() + entry
    assert peer.failure(opening(1, block=block)) == (CALM, "headers of more than 16384 bytes")


def test_more_streams_than_allowed_are_refused() -> None:
    peer = Peer()
    opened = peer.send(*[opening(2 * number_ + 1) for number_ in range(MAX_STREAMS)])
    assert len([event for event in opened if isinstance(event, Request)]) == MAX_STREAMS
    assert peer.send(opening(2 * MAX_STREAMS + 1)) == []
    assert peer.resets() == [(2 * MAX_STREAMS + 1, ErrorCode.REFUSED_STREAM)]
    assert peer.send(frame(frames.RST_STREAM, 0, 1, number(8)), opening(2 * MAX_STREAMS + 3))[1:] != []


def memory_of(peer: Peer, *parts: bytes) -> int:
    tracemalloc.start()
    try:
        for part in parts:
            peer.send(part)
            peer.answers()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_streams_without_data_cost_little() -> None:
    peer = Peer()
    opened = [opening(2 * number_ + 1) for number_ in range(2_000)]
    assert memory_of(peer, *opened) < 2_000 * 600


def test_nothing_remains_of_streams_that_have_ended() -> None:
    peer = Peer()
    streams = [
        opening(stream_id, block=headers(("x", str(stream_id))))
        + data(stream_id, b"message")
        + frame(frames.RST_STREAM, 0, stream_id, number(8))
        for stream_id in range(1, 20_001, 2)
    ]
    assert memory_of(peer, *streams) < 200_000


def test_an_incomplete_frame_is_all_that_is_kept_of_frames() -> None:
    peer = Peer()
    peer.send(opening(1))
    half = frame(frames.HEADERS, END_HEADERS, 3, bytes(16_384))[:-1]
    assert memory_of(peer, half[:8_000], half[8_000:]) < 40_000
