"""Tests for aigw_extproc.extproc.http2: what a client may do, and what the server answers."""

from __future__ import annotations

import pytest
from hpack import Encoder
from hyperframe.frame import (
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from aigw_extproc.extproc.http2 import frames
from aigw_extproc.extproc.http2.connection import Connection
from aigw_extproc.extproc.http2.events import Data, GoingAway, Request, Reset
from aigw_extproc.extproc.http2.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    PRIORITISED,
    ErrorCode,
    Setting,
    frame,
    number,
)
from aigw_extproc.extproc.http2.headers import encode
from aigw_extproc.extproc.http2.limits import CONNECTION_WINDOW, MAX_HEADER_LIST, MAX_STREAMS, STREAM_WINDOW
from tests.extproc.http2.peer import REQUEST, Peer, block_of, data, headers, opening, parsed, settings

OPENED = Request(1, dict(REQUEST), False)
RESPONSE = encode(((":status", "200"),))
TRAILERS = encode((("grpc-status", "0"),))


def test_the_server_greets_with_its_settings() -> None:
    greeting, window = Peer().greeting
    assert isinstance(greeting, SettingsFrame)
    assert greeting.settings == {
        Setting.HEADER_TABLE_SIZE: 0,
        Setting.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
        Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
        Setting.MAX_HEADER_LIST_SIZE: MAX_HEADER_LIST,
    }
    assert isinstance(window, WindowUpdateFrame)
    assert 65_535 + window.window_increment == CONNECTION_WINDOW


def test_a_request_and_its_response() -> None:
    peer = Peer()
    assert peer.send(opening(1), data(1, b"hello"), data(1, b"!", end=True)) == [
        OPENED,
        Data(1, b"hello", False),
        Data(1, b"!", True),
    ]
    peer.connection.send_headers(1, RESPONSE)
    assert peer.connection.send_data(1, b"answer")
    peer.connection.send_trailers(1, TRAILERS)
    response, body, end = peer.answers()
    assert isinstance(response, HeadersFrame)
    assert response.flags == {"END_HEADERS"}
    assert isinstance(body, DataFrame)
    assert body.data == b"answer"
    assert isinstance(end, HeadersFrame)
    assert end.flags == {"END_HEADERS", "END_STREAM"}
    assert peer.connection.open_streams == 0


@pytest.mark.parametrize("size", [1, 2, 7, 9, 100])
def test_bytes_may_be_split_anywhere(size: int) -> None:
    sent = b"".join(
        (PREFACE, settings(), opening(1), data(1, b"x" * 300), data(1, b""), data(1, b"y" * 20_0, end=True))
    )
    connection = Connection()
    events = [
        event for at in range(0, len(sent), size) for event in connection.receive(sent[at : at + size], float(at))
    ]
    assert events[0] == OPENED
    pieces = events[1:]
    assert b"".join(event.data for event in pieces if isinstance(event, Data)) == b"x" * 300 + b"y" * 200
    assert [event.ended for event in pieces if isinstance(event, Data)] == [False] * (len(pieces) - 1) + [True]


def test_padding_is_removed_and_counts_for_flow_control() -> None:
    peer = Peer()
    padded = frame(frames.DATA, PADDED, 1, b"\x03abc\0\0\0")
    assert peer.send(opening(1), padded) == [OPENED, Data(1, b"abc", False)]
    block = headers()
    padded_headers = b"\x02" + b"\0\0\0\0\x10" + block + b"\0\0"
    assert peer.send(frame(frames.HEADERS, PADDED | PRIORITISED | END_HEADERS, 3, padded_headers)) == [
        Request(3, dict(REQUEST), False)
    ]


def test_headers_may_be_continued() -> None:
    peer, block = Peer(), headers()
    parts = (
        frame(frames.HEADERS, END_STREAM, 1, block[:3]),
        frame(frames.CONTINUATION, 0, 1, block[3:9]),
        frame(frames.CONTINUATION, END_HEADERS, 1, block[9:]),
    )
    assert peer.send(*parts) == [Request(1, dict(REQUEST), True)]


def test_what_has_no_meaning_for_us_is_ignored() -> None:
    peer = Peer()
    priority = frame(frames.PRIORITY, 0, 7, b"\0\0\0\x03\x10")
    unknown = frame(0xEE, 0xFF, 5, b"extension")
    late = (frame(frames.RST_STREAM, 0, 1, number(8)), frame(frames.WINDOW_UPDATE, 0, 1, number(5000)))
    assert peer.send(priority, unknown, opening(1), *late) == [OPENED, Reset(1, 8, "")]
    assert peer.answers() == []


def test_pings_and_settings_are_acknowledged() -> None:
    peer = Peer()
    assert peer.send(frame(frames.PING, 0, 0, b"12345678"), settings((99, 1), (Setting.ENABLE_PUSH, 0))) == []
    ping, acknowledged = peer.answers()
    assert isinstance(ping, PingFrame)
    assert (ping.opaque_data, ping.flags) == (b"12345678", {"ACK"})
    assert isinstance(acknowledged, SettingsFrame)
    assert acknowledged.flags == {"ACK"}


def test_the_client_may_say_that_it_leaves() -> None:
    assert Peer().send(frame(frames.GOAWAY, 0, 0, number(0) + number(2) + b"bye")) == [GoingAway(2, "bye")]


def test_trailers_end_a_request() -> None:
    peer = Peer()
    block = block_of(("x-checksum", "1"))
    end = frame(frames.HEADERS, END_HEADERS | END_STREAM, 1, block)
    assert peer.send(opening(1), data(1, b"hello"), end) == [OPENED, Data(1, b"hello", False), Data(1, b"", True)]


def test_repeated_headers_are_joined() -> None:
    [event] = Peer().send(opening(1, block=headers(("a", "1"), ("a", "2"))))
    assert isinstance(event, Request)
    assert event.headers["a"] == "1, 2"


# HPACK


def test_before_the_client_knows_our_settings_it_may_use_a_dynamic_table() -> None:
    connection, encoder = Connection(), Encoder()
    first, second = (encoder.encode([*REQUEST, ("x", "y")]) for _ in range(2))
    assert first != second
    sent = PREFACE + settings() + opening(1, block=first) + opening(3, block=second)
    assert [event.stream_id for event in connection.receive(sent, 0) if isinstance(event, Request)] == [1, 3]
    encoder.header_table_size = 0
    acknowledged = frame(frames.SETTINGS, ACK, 0)
    third, fourth = (encoder.encode([*REQUEST, ("x", "z")]) for _ in range(2))
    events = connection.receive(acknowledged + opening(5, block=third) + opening(7, block=fourth), 0)
    assert events == [Request(stream_id, {**dict(REQUEST), "x": "z"}, False) for stream_id in (5, 7)]


def test_a_client_that_keeps_its_dynamic_table_is_refused() -> None:
    peer = Peer()
    assert peer.failure(opening(1, block=Encoder().encode(REQUEST))) == (
        ErrorCode.COMPRESSION_ERROR,
        "headers cannot be decoded: InvalidTableSizeError",
    )


def test_equal_blocks_are_decoded_once() -> None:
    peer, table = Peer(), Encoder()
    table.header_table_size = 0
    table.encode([])
    block = headers()
    peer.send(opening(1, block=b"\x20" + block))  # the table's size is 0 from now on
    one, two, other = peer.send(opening(3, block=block), opening(5, block=block), opening(7, block=headers(("x", "y"))))
    assert isinstance(one, Request)
    assert isinstance(two, Request)
    assert isinstance(other, Request)
    assert one.headers is two.headers
    assert other.headers == {**one.headers, "x": "y"}


# Flow control


def test_data_waits_for_the_window_of_its_stream() -> None:
    peer = Peer((Setting.INITIAL_WINDOW_SIZE, 10))
    peer.send(opening(1), opening(3))
    assert not peer.connection.send_data(1, b"0123456789abc")
    peer.connection.send_trailers(1, TRAILERS)
    [sent] = peer.answers()
    assert isinstance(sent, DataFrame)
    assert sent.data == b"0123456789"
    assert peer.connection.send_data(3, b"another")
    peer.send(frame(frames.WINDOW_UPDATE, 0, 1, number(2)))
    assert [getattr(one, "data", None) for one in peer.answers()] == [b"another", b"ab"]
    assert peer.connection.take_sent() == []
    peer.send(settings((Setting.INITIAL_WINDOW_SIZE, 20)))
    _acknowledged, rest, trailers = peer.answers()
    assert isinstance(rest, DataFrame)
    assert rest.data == b"c"
    assert isinstance(trailers, HeadersFrame)


def test_data_waits_for_the_window_of_the_connection_and_streams_take_turns() -> None:
    peer = Peer((Setting.INITIAL_WINDOW_SIZE, 2**20))
    peer.send(opening(1), opening(3))
    for stream_id in (1, 3):
        assert not peer.connection.send_data(stream_id, bytes(50_000))
    sent = [one for one in peer.answers() if isinstance(one, DataFrame)]
    assert [one.stream_id for one in sent] == [1, 3, 1, 3]
    assert sum(len(one.data) for one in sent) == 65_535
    peer.send(frame(frames.WINDOW_UPDATE, 0, 0, number(100_000)))
    rest = [one for one in peer.answers() if isinstance(one, DataFrame)]
    assert sum(len(one.data) for one in (*sent, *rest)) == 100_000
    assert peer.connection.take_sent() == [rest[-2].stream_id, rest[-1].stream_id]


def test_waiting_data_is_given_in_portions() -> None:
    peer = Peer((Setting.INITIAL_WINDOW_SIZE, 2**30))
    peer.send(opening(1), frame(frames.WINDOW_UPDATE, 0, 0, number(2**30)))
    peer.connection.send_data(1, bytes(1_000_000))
    portions = []
    while portion := peer.connection.data_to_send(100_000):
        portions.append(len(portion))
    assert sum(portions) > 1_000_000
    assert max(portions) < 120_000
    assert peer.connection.take_sent() == [1]


def test_a_window_may_become_negative() -> None:
    peer = Peer()
    peer.send(opening(1))
    assert peer.connection.send_data(1, b"0123456789")
    peer.send(settings((Setting.INITIAL_WINDOW_SIZE, 5)))
    assert not peer.connection.send_data(1, b"abc")
    peer.send(frame(frames.WINDOW_UPDATE, 0, 1, number(6)))
    assert [one.data for one in peer.answers() if isinstance(one, DataFrame)] == [b"0123456789", b"a"]


def test_frames_are_as_long_as_the_client_allows() -> None:
    peer = Peer((Setting.MAX_FRAME_SIZE, 2**24 - 1), (Setting.INITIAL_WINDOW_SIZE, 2**20))
    peer.send(opening(1))
    peer.connection.send_data(1, bytes(65_535))
    assert [len(one.data) for one in peer.answers() if isinstance(one, DataFrame)] == [65_535]


def given_back(peer: Peer) -> dict[int, int]:
    updates = [one for one in peer.answers() if isinstance(one, WindowUpdateFrame)]
    return {one.stream_id: one.window_increment for one in updates}


def test_what_is_read_is_given_back_in_large_steps() -> None:
    peer, piece = Peer(), bytes(16_384)
    peer.send(opening(1), *[data(1, piece)] * 31)
    assert given_back(peer) == {}
    peer.send(data(1, piece))
    assert given_back(peer) == {1: STREAM_WINDOW // 2}
    for _ in range(CONNECTION_WINDOW // STREAM_WINDOW - 1):
        peer.send(*[data(1, piece)] * 32)
    assert given_back(peer)[0] == CONNECTION_WINDOW // 2


def test_a_paused_stream_has_what_its_window_allows_and_then_waits() -> None:
    peer, piece = Peer(), bytes(16_384)
    peer.send(opening(1))
    peer.connection.pause(1)
    for _ in range(64):
        peer.send(data(1, piece))
    assert given_back(peer) == {}
    peer.connection.resume(1)
    assert given_back(peer) == {1: STREAM_WINDOW}


def test_more_than_a_streams_window_resets_it() -> None:
    peer, piece = Peer(), bytes(16_384)
    peer.send(opening(1))
    peer.connection.pause(1)
    peer.send(*[data(1, piece)] * 64)
    assert peer.send(data(1, b"1")) == [Reset(1, ErrorCode.FLOW_CONTROL_ERROR, "more data than the stream's window")]
    assert peer.resets() == [(1, ErrorCode.FLOW_CONTROL_ERROR)]


def test_the_data_of_streams_that_have_gone_counts_for_the_connection_only_until_then() -> None:
    peer, piece = Peer(), bytes(16_384)
    for stream_id in range(1, 2 * 2 * CONNECTION_WINDOW // STREAM_WINDOW, 2):
        peer.send(opening(stream_id))
        peer.connection.pause(stream_id)
        peer.send(*[data(stream_id, piece)] * 64, frame(frames.RST_STREAM, 0, stream_id, number(8)))
        assert not peer.connection.failed


# The ends of streams


def test_a_client_may_still_send_after_the_end_of_the_response() -> None:
    peer = Peer()
    peer.send(opening(1))
    peer.connection.send_trailers(1, TRAILERS)
    peer.answers()
    assert peer.send(data(1, b"late")) == []
    assert peer.connection.open_streams == 1
    assert peer.send(data(1, b"", end=True)) == []
    assert peer.connection.open_streams == 0
    assert peer.answers() == []


def test_a_reset_after_the_end_of_the_response_is_no_event() -> None:
    """Envoy ends its side of every exchange so."""
    peer = Peer()
    peer.send(opening(1), data(1, b"message"))
    peer.connection.send_trailers(1, TRAILERS)
    assert peer.send(frame(frames.RST_STREAM, 0, 1, number(0))) == []
    assert peer.connection.open_streams == 0


def test_what_is_on_its_way_while_we_reset_a_stream_is_ignored() -> None:
    peer = Peer()
    peer.send(opening(1))
    peer.connection.reset(1, ErrorCode.NO_ERROR)
    assert peer.resets() == [(1, 0)]
    end = frame(frames.HEADERS, END_HEADERS | END_STREAM, 1, block_of(("x", "y")))
    assert peer.send(data(1, b"late"), end, opening(3)) == [Request(3, dict(REQUEST), False)]
    assert peer.answers() == []


def test_calls_for_a_stream_that_has_gone_do_nothing() -> None:
    peer = Peer()
    peer.send(opening(1), frame(frames.RST_STREAM, 0, 1, number(8)))
    connection = peer.connection
    connection.send_headers(1, RESPONSE)
    assert connection.send_data(1, b"answer")
    connection.send_trailers(1, TRAILERS)
    connection.pause(1)
    connection.resume(1)
    connection.reset(1, ErrorCode.CANCEL)
    assert connection.data_to_send(100) == b""


def test_waiting_data_of_a_stream_that_is_reset_is_dropped() -> None:
    peer = Peer((Setting.INITIAL_WINDOW_SIZE, 10))
    peer.send(opening(1))
    peer.connection.send_data(1, bytes(1000))
    peer.answers()
    assert peer.send(frame(frames.RST_STREAM, 0, 1, number(8))) == [Reset(1, 8, "")]
    peer.send(settings((Setting.INITIAL_WINDOW_SIZE, 5000)))
    assert [type(one) for one in peer.answers()] == [SettingsFrame]
    assert peer.connection.take_sent() == []


def test_draining_serves_streams_that_were_under_way() -> None:
    peer = Peer()
    peer.send(opening(1))
    peer.connection.drain()
    away, ping = peer.answers()
    assert isinstance(away, GoAwayFrame)
    assert (away.last_stream_id, away.error_code) == (2**31 - 1, 0)
    assert isinstance(ping, PingFrame)
    assert peer.send(opening(3)) == [Request(3, dict(REQUEST), False)]
    peer.send(frame(frames.PING, ACK, 0, ping.opaque_data))
    [away] = peer.answers()
    assert isinstance(away, GoAwayFrame)
    assert away.last_stream_id == 3
    assert peer.send(opening(5)) == []
    assert peer.resets() == [(5, ErrorCode.REFUSED_STREAM)]
    assert not peer.connection.drained
    for stream_id in (1, 3):
        peer.connection.send_trailers(stream_id, TRAILERS)
        peer.send(data(stream_id, b"", end=True))
    assert peer.connection.drained


# Errors

BAD_HEADERS = {
    "an unknown pseudo-header": headers((":status", "200")),
    "a pseudo-header twice": headers((":path", "/")),
    "a pseudo-header after others": headers(("x", "y"), (":authority", "x")),
    "no path": block_of((":method", "POST"), (":scheme", "http")),
    "an empty path": block_of((":method", "POST"), (":scheme", "http"), (":path", "")),
    "upper case": headers(("Name", "x")),
    "an empty name": headers(("", "x")),
    "a line break": headers(("name", "x\ny")),
    "a space around a value": headers(("name", " x")),
    "a header of HTTP/1.1": headers(("connection", "close")),
    "te": headers(("te", "gzip")),
    "a length that is none": headers(("content-length", "1,1")),
}


@pytest.mark.parametrize("block", BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_a_malformed_request_is_reset_and_is_no_event(block: bytes) -> None:
    peer = Peer()
    assert peer.send(opening(1, block=block)) == []
    assert peer.resets() == [(1, ErrorCode.PROTOCOL_ERROR)]
    assert peer.send(opening(3)) == [Request(3, dict(REQUEST), False)]


def test_a_length_without_a_body_is_malformed() -> None:
    peer = Peer()
    assert peer.send(opening(1, end=True, block=headers(("content-length", "1")))) == []
    assert peer.resets() == [(1, ErrorCode.PROTOCOL_ERROR)]


BAD_FRAMES = {
    "a body that is too long": (
        [opening(1, block=headers(("content-length", "1"))), data(1, b"22", end=True)],
        (ErrorCode.PROTOCOL_ERROR, "2 bytes, but a content-length of 1"),
    ),
    "data after the end": (
        [opening(1, end=True), data(1, b"x")],
        (ErrorCode.STREAM_CLOSED, "data after the end of its stream"),
    ),
    "headers after the end": (
        [opening(1, end=True), opening(1, end=True)],
        (ErrorCode.STREAM_CLOSED, "HEADERS after the end of the stream"),
    ),
    "trailers that do not end": (
        [opening(1), frame(frames.HEADERS, END_HEADERS, 1, block_of(("x", "y")))],
        (ErrorCode.PROTOCOL_ERROR, "trailers that do not end the stream"),
    ),
    "a pseudo-header in trailers": (
        [opening(1), opening(1, end=True)],
        (ErrorCode.PROTOCOL_ERROR, "the trailers contain ':method'"),
    ),
    "an increment of 0": (
        [opening(1), frame(frames.WINDOW_UPDATE, 0, 1, number(0))],
        (ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0"),
    ),
    "a window that is too wide": (
        [opening(1), frame(frames.WINDOW_UPDATE, 0, 1, number(2**31 - 1))],
        (ErrorCode.FLOW_CONTROL_ERROR, "WINDOW_UPDATE makes a window too wide"),
    ),
}


@pytest.mark.parametrize(("sent", "expected"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_an_error_on_a_stream_resets_it(sent: list[bytes], expected: tuple[ErrorCode, str]) -> None:
    peer = Peer()
    assert peer.send(*sent)[-1] == Reset(1, *expected)
    assert peer.resets() == [(1, expected[0])]
    assert peer.send(opening(3)) == [Request(3, dict(REQUEST), False)]


FATAL = {
    "a long frame": (
        [frame(frames.DATA, 0, 1, bytes(16_385))],
        (ErrorCode.FRAME_SIZE_ERROR, "a frame of 16385 bytes, expected no more than 16384"),
    ),
    "an even stream": ([opening(2)], (ErrorCode.PROTOCOL_ERROR, "HEADERS on stream 2")),
    "a stream below the last": (
        [opening(5), opening(3)],
        (ErrorCode.PROTOCOL_ERROR, "HEADERS on stream 3, which has ended"),
    ),
    "an ended stream": (
        [opening(5), frame(frames.RST_STREAM, 0, 5, number(8)), opening(5)],
        (ErrorCode.STREAM_CLOSED, "HEADERS on stream 5, which has ended"),
    ),
    "data on an idle stream": (
        [data(1, b"x")],
        (ErrorCode.PROTOCOL_ERROR, "a frame on stream 1, which was never opened"),
    ),
    "a reset of an idle stream": (
        [frame(frames.RST_STREAM, 0, 1, number(8))],
        (ErrorCode.PROTOCOL_ERROR, "a frame on stream 1, which was never opened"),
    ),
    "a window of an idle stream": (
        [frame(frames.WINDOW_UPDATE, 0, 2, number(8))],
        (ErrorCode.PROTOCOL_ERROR, "a frame on stream 2, which was never opened"),
    ),
    "data on no stream": ([data(0, b"x")], (ErrorCode.PROTOCOL_ERROR, "a frame on stream 0, which was never opened")),
    "too much padding": (
        [opening(1), frame(frames.DATA, PADDED, 1, b"\x03ab")],
        (ErrorCode.PROTOCOL_ERROR, "a frame's padding is longer than the frame"),
    ),
    "padding without its length": (
        [opening(1), frame(frames.DATA, PADDED, 1)],
        (ErrorCode.FRAME_SIZE_ERROR, "a padded frame is empty"),
    ),
    "a short priority": (
        [frame(frames.PRIORITY, 0, 1, b"1234")],
        (ErrorCode.FRAME_SIZE_ERROR, "a frame of type 2 with 4 bytes, expected 5"),
    ),
    "a priority on no stream": (
        [frame(frames.PRIORITY, 0, 0, b"12345")],
        (ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0"),
    ),
    "a stream before itself": (
        [frame(frames.HEADERS, PRIORITISED | END_HEADERS, 1, number(1) + b"\x10" + headers())],
        (ErrorCode.PROTOCOL_ERROR, "stream 1 depends on itself"),
    ),
    "a short reset": (
        [opening(1), frame(frames.RST_STREAM, 0, 1, b"123")],
        (ErrorCode.FRAME_SIZE_ERROR, "a frame of type 3 with 3 bytes, expected 4"),
    ),
    "settings of a stream": (
        [frame(frames.SETTINGS, 0, 1)],
        (ErrorCode.PROTOCOL_ERROR, "a frame of type 4 on stream 1, expected 0"),
    ),
    "half a setting": (
        [frame(frames.SETTINGS, 0, 0, b"123")],
        (ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of 3 bytes"),
    ),
    "settings in an acknowledgement": (
        [frame(frames.SETTINGS, ACK, 0, b"123456")],
        (ErrorCode.FRAME_SIZE_ERROR, "a frame of type 4 with 6 bytes, expected 0"),
    ),
    "a push setting": (
        [settings((Setting.ENABLE_PUSH, 2))],
        (ErrorCode.PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH is 2"),
    ),
    "a small frame size": (
        [settings((Setting.MAX_FRAME_SIZE, 16_383))],
        (ErrorCode.PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE is 16383"),
    ),
    "a wide initial window": (
        [settings((Setting.INITIAL_WINDOW_SIZE, 2**31))],
        (ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE is 2147483648"),
    ),
    "an initial window that widens another": (
        [
            opening(1),
            frame(frames.WINDOW_UPDATE, 0, 1, number(5000)),
            settings((Setting.INITIAL_WINDOW_SIZE, 2**31 - 1)),
        ],
        (ErrorCode.FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE 2147483647 widens a stream's window too much"),
    ),
    "a push": (
        [frame(frames.PUSH_PROMISE, END_HEADERS, 1, number(2))],
        (ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE from a client"),
    ),
    "a short ping": (
        [frame(frames.PING, 0, 0, b"123")],
        (ErrorCode.FRAME_SIZE_ERROR, "a frame of type 6 with 3 bytes, expected 8"),
    ),
    "a ping of a stream": (
        [frame(frames.PING, 0, 1, b"12345678")],
        (ErrorCode.PROTOCOL_ERROR, "a frame of type 6 on stream 1, expected 0"),
    ),
    "a short goodbye": (
        [frame(frames.GOAWAY, 0, 0, b"1234")],
        (ErrorCode.FRAME_SIZE_ERROR, "GOAWAY of 4 bytes"),
    ),
    "an increment of 0": (
        [frame(frames.WINDOW_UPDATE, 0, 0, number(0))],
        (ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of 0"),
    ),
    "a window that is too wide": (
        [frame(frames.WINDOW_UPDATE, 0, 0, number(2**31 - 1))],
        (ErrorCode.FLOW_CONTROL_ERROR, "WINDOW_UPDATE makes a window too wide"),
    ),
    "a continuation of nothing": (
        [frame(frames.CONTINUATION, END_HEADERS, 1, b"")],
        (ErrorCode.PROTOCOL_ERROR, "CONTINUATION without HEADERS"),
    ),
    "something amid headers": (
        [frame(frames.HEADERS, 0, 1, headers()), frame(0xEE, 0, 1)],
        (ErrorCode.PROTOCOL_ERROR, "a frame of type 238 on stream 1, expected one of type 9"),
    ),
    "another stream amid headers": (
        [frame(frames.HEADERS, 0, 1, headers()), frame(frames.CONTINUATION, END_HEADERS, 3)],
        (ErrorCode.PROTOCOL_ERROR, "a frame of type 9 on stream 3, expected one of type 9"),
    ),
    "headers that are none": (
        [opening(1, block=b"\xbf")],
        (ErrorCode.COMPRESSION_ERROR, "headers cannot be decoded: InvalidTableIndex"),
    ),
}


@pytest.mark.parametrize(("sent", "expected"), FATAL.values(), ids=FATAL)
def test_an_error_of_the_connection_ends_it(sent: list[bytes], expected: tuple[ErrorCode, str]) -> None:
    assert Peer().failure(*sent) == expected


def test_what_came_before_an_error_is_returned() -> None:
    peer = Peer()
    events = peer.send(opening(1), data(1, b"hello"), opening(2))
    assert events[:2] == [OPENED, Data(1, b"hello", False)]


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nXX"])
def test_another_protocol_is_refused_at_its_first_bytes(first: bytes) -> None:
    connection = Connection()
    connection.data_to_send(1)
    connection.receive(first, 0)
    [away] = parsed(connection.data_to_send(1))
    assert isinstance(away, GoAwayFrame)
    assert away.additional_data == b"the connection does not begin as HTTP/2"


@pytest.mark.parametrize("first", [opening(1), frame(frames.SETTINGS, ACK, 0)])
def test_a_connection_begins_with_settings(first: bytes) -> None:
    connection = Connection()
    connection.receive(PREFACE + first, 0)
    assert connection.failed


def test_a_reset_has_no_answer() -> None:
    peer = Peer()
    peer.send(opening(1), frame(frames.RST_STREAM, 0, 1, number(8)))
    assert not [one for one in peer.answers() if isinstance(one, RstStreamFrame)]
