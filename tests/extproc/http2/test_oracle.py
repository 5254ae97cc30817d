"""Two opinions: what the `h2` package sends, we understand as it does; what we send, it accepts.

Bytes are split anywhere. `h2` as a client checks our frames, our flow control and our header blocks; `h2` as a server
reads the same frames as we do, valid or not.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    RequestReceived,
    StreamReset,
)
from h2.exceptions import FlowControlError, ProtocolError
from h2.settings import SettingCodes
from hyperframe.frame import RstStreamFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aigw_extproc.extproc.http2 import frames
from aigw_extproc.extproc.http2.connection import Connection
from aigw_extproc.extproc.http2.events import Data, Event, Request, Reset
from aigw_extproc.extproc.http2.frames import ACK, PREFACE, frame, number
from aigw_extproc.extproc.http2.headers import encode
from tests.extproc.http2.peer import REQUEST, block_of, data, headers, opening, parsed
from tests.extproc.http2.peer import settings as settings_frame

RESPONSE = encode(((":status", "200"), ("content-type", "application/grpc")))
TRAILERS = encode((("grpc-status", "0"),))
SIZES = st.sampled_from([0, 1, 5, 1000, 16_384, 40_000])
MOST = 100_000
"""Bytes for `data_to_send`."""


class ClientOfOurs(RuleBasedStateMachine):
    """An `h2` client and our server. What arrives is compared with what was sent, on both sides, stream by stream."""

    def __init__(self) -> None:
        super().__init__()
        self.client = H2Connection(H2Configuration(header_encoding="utf-8", validate_outbound_headers=True))
        self.server = Connection()
        self.open: set[int] = set()
        """Streams that the client can send on."""
        self.answering: set[int] = set()
        """Streams that the server can send on: neither side has ended or reset them."""
        self.waiting: set[int] = set()
        self.sent: dict[int, bytes] = defaultdict(bytes)
        self.received: dict[int, bytes] = defaultdict(bytes)
        self.answered: dict[int, bytes] = defaultdict(bytes)
        self.read: dict[int, bytes] = defaultdict(bytes)
        self.ended: set[int] = set()
        self.seen_ended: set[int] = set()
        self.requests: dict[int, dict[str, str]] = {}
        self.now = 0.0

    @initialize(window=st.sampled_from([0, 10, 65_535, 2**20]), frame_size=st.sampled_from([16_384, 50_000]))
    def connect(self, window: int, frame_size: int) -> None:
        self.client.initiate_connection()
        self.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.MAX_FRAME_SIZE: frame_size})

    @rule(extra=st.dictionaries(st.sampled_from(["a", "b", "long"]), st.sampled_from(["", "1", "x" * 900])))
    def open_stream(self, extra: dict[str, str]) -> None:
        if len(self.open) > 5:
            return
        stream_id = self.client.get_next_available_stream_id()
        pairs = {**dict(REQUEST), **extra}
        self.client.send_headers(stream_id, pairs.items(), **({"priority_weight": 5} if extra else {}))
        self.open.add(stream_id)
        self.answering.add(stream_id)
        self.requests[stream_id] = pairs

    @precondition(lambda self: self.open)
    @rule(stream=st.data(), size=SIZES, end=st.booleans(), padding=st.sampled_from([None, None, 0, 200]))
    def send(self, stream: st.DataObject, size: int, end: bool, padding: int | None) -> None:
        stream_id = stream.draw(st.sampled_from(sorted(self.open)))
        size = min(size, self.client.max_outbound_frame_size - 300)
        content = bytes([stream_id % 251]) * size
        try:
            self.client.send_data(stream_id, content, end_stream=end, pad_length=padding)
        except FlowControlError:
            return
        self.sent[stream_id] += content
        if end:
            self.open.discard(stream_id)
            self.ended.add(stream_id)

    @precondition(lambda self: self.open)
    @rule(stream=st.data())
    def end_with_trailers(self, stream: st.DataObject) -> None:
        stream_id = stream.draw(st.sampled_from(sorted(self.open)))
        self.client.send_headers(stream_id, [("x-checksum", "1")], end_stream=True)
        self.open.discard(stream_id)
        self.ended.add(stream_id)

    @precondition(lambda self: self.open)
    @rule(stream=st.data())
    def client_resets(self, stream: st.DataObject) -> None:
        stream_id = stream.draw(st.sampled_from(sorted(self.open)))
        self.client.reset_stream(stream_id, 8)
        self.open.discard(stream_id)
        self.answering.discard(stream_id)
        self.answered.pop(stream_id, None)
        self.read.pop(stream_id, None)

    @rule(window=st.sampled_from([0, 7, 70_000, 2**20]))
    def change_settings(self, window: int) -> None:
        self.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: window})

    @rule()
    def ping(self) -> None:
        self.client.ping(b"12345678")

    @rule(size=st.sampled_from([1, 5_000, 100_000]))
    def widen(self, size: int) -> None:
        self.client.increment_flow_control_window(size)

    @precondition(lambda self: self.answering)
    @rule(stream=st.data(), size=st.sampled_from([1, 300, 16_384, 200_000]))
    def answer(self, stream: st.DataObject, size: int) -> None:
        stream_id = stream.draw(st.sampled_from(sorted(self.answering)))
        if stream_id not in self.received or stream_id in self.waiting:
            return
        if stream_id not in self.answered:
            self.server.send_headers(stream_id, RESPONSE)
        content = bytes([stream_id % 13]) * size
        if not self.server.send_data(stream_id, content):
            self.waiting.add(stream_id)
        self.answered[stream_id] += content

    @precondition(lambda self: self.answering)
    @rule(stream=st.data())
    def end_the_answer(self, stream: st.DataObject) -> None:
        stream_id = stream.draw(st.sampled_from(sorted(self.answering)))
        if stream_id in self.answered:
            self.server.send_trailers(stream_id, TRAILERS)
            self.answering.discard(stream_id)

    @precondition(lambda self: self.answering)
    @rule(stream=st.data())
    def pause_and_resume(self, stream: st.DataObject) -> None:
        stream_id = stream.draw(st.sampled_from(sorted(self.answering)))
        self.server.pause(stream_id)
        self._deliver(100)
        self.server.resume(stream_id)

    @rule(size=st.sampled_from([1, 3, 9, 20, 1000, 10**6]))
    def deliver(self, size: int) -> None:
        self._deliver(size)

    def _deliver(self, size: int) -> None:
        """Exchange bytes until there are none, the client's in pieces of `size`."""
        while True:
            outgoing = self.client.data_to_send()
            size = max(size, len(outgoing) // 500)
            for at in range(0, len(outgoing), size):
                self.now += 1
                for event in self.server.receive(outgoing[at : at + size], self.now):
                    self._on_server(event)
            incoming = self.server.data_to_send(MOST)
            self.waiting -= set(self.server.take_sent())
            for event in self.client.receive_data(incoming):
                self._on_client(event)
            if not outgoing and not incoming:
                return

    def _on_server(self, event: Event) -> None:
        match event:
            case Request(stream_id=stream_id):
                assert dict(event.headers) == self.requests[stream_id]
                self.received[stream_id] = b""
            case Data(stream_id=stream_id):
                self.received[stream_id] += event.data
                if event.ended:
                    self.seen_ended.add(stream_id)
            case Reset(reason=""):
                self.waiting.discard(event.stream_id)
            case _:
                raise AssertionError(event)

    def _on_client(self, event: Any) -> None:
        match event:
            case DataReceived():
                if event.stream_id in self.answered:
                    self.read[event.stream_id] += event.data
                self.client.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamReset():
                raise AssertionError(event)

    @invariant()
    def nothing_is_lost(self) -> None:
        for stream_id, content in self.received.items():
            assert self.sent[stream_id].startswith(content) or stream_id not in self.answering

    def teardown(self) -> None:
        if self.client.state_machine.state.name == "IDLE":
            return
        self.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**24})
        self.client.increment_flow_control_window(2**24)
        self._deliver(10**6)
        assert not self.server.failed
        for stream_id, content in self.answered.items():
            assert self.read[stream_id] == content
        for stream_id in self.answering:
            assert self.received.get(stream_id, b"") == self.sent[stream_id]
        assert self.seen_ended >= {stream_id for stream_id in self.ended if stream_id in self.answering}


TestClientOfOurs = ClientOfOurs.TestCase
TestClientOfOurs.settings = settings(max_examples=40, stateful_step_count=40)


# Frames that h2 does not send: both read them. Left out is what h2 takes differently from the RFC: frames after GOAWAY
# or RST_STREAM.

OPEN = (1, 3, 5)
STREAMS = st.sampled_from([*OPEN * 20, 7, 9, 2, 0])
OPENED = st.sampled_from(OPEN)
BLOCKS = st.sampled_from(
    [
        headers(),
        headers(("a", "b")),
        headers(("te", "gzip")),
        headers(("connection", "x")),
        headers((":path", "/2")),
        block_of(("x", "y")),
        block_of((":method", "POST")),
        headers(("content-length", "5")),
        b"\xff\xff",
        b"",
    ]
)
PIECES = st.one_of(
    st.builds(opening, STREAMS, end=st.booleans(), block=BLOCKS),
    st.builds(data, STREAMS, st.sampled_from([b"", b"hello", b"hi", bytes(16_384), bytes(16_385)]), end=st.booleans()),
    st.builds(
        lambda stream, size: frame(frames.WINDOW_UPDATE, 0, stream, number(size)),
        STREAMS,
        st.sampled_from([0, 1, 5_000, 70_000, 70_000, 2**31 - 1]),
    ),
    st.builds(
        lambda name, value: settings_frame((name, value)),
        st.integers(1, 7),
        st.sampled_from([0, 1, 2, 16_384, 2**31, 2**24]),
    ),
    st.builds(lambda stream, flags: frame(frames.PING, flags, stream, bytes(8)), STREAMS, st.sampled_from([0, 1])),
    st.builds(lambda stream: frame(frames.CONTINUATION, 4, stream, b""), STREAMS),
    st.builds(lambda kind, stream: frame(kind, 0, stream, b"?"), st.sampled_from([5, 0xEE]), STREAMS),
    st.builds(lambda stream, on: frame(frames.PRIORITY, 0, stream, number(on) + b"\x01"), STREAMS, STREAMS),
    st.builds(lambda stream: frame(frames.HEADERS, 0, stream, headers()), OPENED),
)


def h2_opinion(sent: bytes) -> tuple[bool, set[int], dict[int, bytes]]:
    """Return whether `h2` fails the connection, the streams it resets, and the data of each stream."""
    server = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
    server.local_settings[SettingCodes.INITIAL_WINDOW_SIZE] = 2**20
    server.initiate_connection()
    server.increment_flow_control_window(2**26)
    server.clear_outbound_data_buffer()
    contents: dict[int, bytes] = {}
    resets: set[int] = set()
    # Frame by frame: an error keeps h2 from returning what came before it in the same call.
    for piece in cut(sent):
        try:
            events = server.receive_data(piece)
        except ProtocolError:
            return True, resets, contents
        except Exception as error:
            assert not isinstance(error, AssertionError)
            return True, resets, contents
        for event in events:
            if isinstance(event, RequestReceived):
                contents[event.stream_id] = b""
            elif isinstance(event, DataReceived):
                contents[event.stream_id] += event.data
            elif isinstance(event, StreamReset) and not event.remote_reset:
                resets.add(event.stream_id)
    return False, resets, contents


def our_opinion(sent: bytes, size: int) -> tuple[bool, set[int], dict[int, bytes]]:
    """Return the same of our server."""
    connection = Connection()
    contents: dict[int, bytes] = {}
    for at in range(0, len(sent), size):
        for event in connection.receive(sent[at : at + size], 0):
            match event:
                case Request():
                    contents[event.stream_id] = b""
                case Data():
                    contents[event.stream_id] += event.data
    answers = parsed(connection.data_to_send(MOST))
    resets = {one.stream_id for one in answers if isinstance(one, RstStreamFrame)}
    return connection.failed, resets, contents


def cut(sent: bytes) -> list[bytes]:
    pieces, at = [sent[: len(PREFACE)]], len(PREFACE)
    while at < len(sent):
        stop = at + 9 + int.from_bytes(sent[at : at + 3], "big")
        pieces.append(sent[at:stop])
        at = stop
    return pieces


@given(pieces=st.lists(PIECES, max_size=6), size=st.sampled_from([1, 7, 100, 10**6]))
def test_both_accept_the_same(pieces: list[bytes], size: int) -> None:
    """What `h2` accepts we accept, and return the same data; what it refuses, we refuse."""
    begin = (PREFACE, settings_frame(), frame(frames.SETTINGS, ACK, 0), *map(opening, OPEN))
    sent = b"".join((*begin, *pieces))
    h2_failed, h2_resets, h2_contents = h2_opinion(sent)
    failed, resets, contents = our_opinion(sent, max(size, len(sent) // 2000))
    if h2_failed or h2_resets:
        assert failed or resets
    else:
        assert (failed, resets, contents) == (False, set(), h2_contents)
