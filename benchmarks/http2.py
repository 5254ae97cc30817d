"""The cost of our HTTP/2 and gRPC without sockets, in microseconds: one JSON line per case.

Run `python -m benchmarks.http2`. The processor is the no-op one, whose share is a line of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable

from aigw_extproc.extproc.framing import frame as message
from aigw_extproc.extproc.h2_server import Peer
from aigw_extproc.extproc.http2 import frames
from aigw_extproc.extproc.http2.frames import DATA, MAX_FRAME_SIZE, PREFACE, Setting, frame, number
from aigw_extproc.extproc.http2.headers import encode
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.transport import SERVICE
from benchmarks.noop import Noop
from benchmarks.timing import microseconds

CALLS = 2_000
HEADERS = encode(
    (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", f"/{SERVICE}/Process"),
        (":authority", "processor"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("x-envoy-internal", "true"),
        ("x-forwarded-for", "10.0.0.1"),
    )
)
MESSAGES = (
    pb.ProcessingRequest(request_headers=pb.HttpHeaders()),
    pb.ProcessingRequest(request_body=pb.HttpBody(body=bytes(200), end_of_stream=True)),
    pb.ProcessingRequest(response_headers=pb.HttpHeaders()),
    pb.ProcessingRequest(response_body=pb.HttpBody(body=bytes(300), end_of_stream=True)),
)
LARGE = 1_000_000


class _Discarding(asyncio.Transport):
    """Takes what is written."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def close(self) -> None:
        raise AssertionError("the connection failed")


def connected() -> Peer:
    """Return a connection that was greeted as Envoy does."""
    peer = Peer({f"/{SERVICE}/Process": Noop().open}, lambda _: None, lambda _: None)
    peer.connection_made(_Discarding())
    settings = frames.settings({Setting.INITIAL_WINDOW_SIZE: 2**30})
    window = frame(frames.WINDOW_UPDATE, 0, 0, number(2**30))
    peer.data_received(PREFACE + settings + frame(frames.SETTINGS, frames.ACK, 0) + window)
    return peer


def exchanges(peer: Peer, messages: Iterable[pb.ProcessingRequest], at_once: int) -> Callable[[], None]:
    """Return a function that drives `at_once` streams side by side: each message of theirs comes in one read."""
    parts = [message(one.SerializeToString()) for one in messages]
    last_id = -1
    table_size = b"\x20"

    def run() -> None:
        nonlocal last_id, table_size
        streams = range(last_id + 2, last_id + 2 + 2 * at_once, 2)
        last_id = streams[-1]
        begin = [frame(frames.HEADERS, frames.END_HEADERS, one, table_size + HEADERS) for one in streams]
        table_size = b""
        for part in parts:
            begin += [frame(DATA, 0, one, part) for one in streams]
            peer.data_received(b"".join(begin))
            begin.clear()
        peer.data_received(b"".join(frame(frames.RST_STREAM, 0, one, number(0)) for one in streams))

    return run


def large_message(peer: Peer) -> Callable[[], None]:
    """Return a function that sends a message of 1 MB in frames, as many at once as a socket gives."""
    body = pb.ProcessingRequest(request_body=pb.HttpBody(body=bytes(LARGE), end_of_stream=True))
    whole = message(body.SerializeToString())
    pieces = [whole[at : at + MAX_FRAME_SIZE] for at in range(0, len(whole), MAX_FRAME_SIZE)]
    peer.data_received(frame(frames.HEADERS, frames.END_HEADERS, 1, b"\x20" + HEADERS))
    sent = b"".join(frame(DATA, 0, 1, piece) for piece in pieces)
    reads = [sent[at : at + 256 * 1024] for at in range(0, len(sent), 256 * 1024)]

    def run() -> None:
        for read in reads:
            peer.data_received(read)

    return run


def noop() -> None:
    """What the no-op processor itself does in an exchange."""
    stream = Noop()
    for one in SERIALISED:
        with contextlib.suppress(StopIteration):
            stream.answer(one).send(None)


SERIALISED = [one.SerializeToString() for one in MESSAGES]


def main() -> None:
    """Print the cost of each case."""
    cases: dict[str, tuple[Callable[[], object], int]] = {
        "exchange, 1 connection": (exchanges(connected(), MESSAGES, 1), 1),
        "exchange, 16 connections": (exchanges(connected(), MESSAGES, 16), 16),
        "exchange, of which no-op": (noop, 1),
        "message of 1 MB": (large_message(connected()), 1),
    }
    for name, (call, count) in cases.items():
        cost = microseconds(call, max(20, CALLS // count // (50 if "MB" in name else 1)))
        print(json.dumps({"case": name, "us": round(cost / count, 2)}), flush=True)


if __name__ == "__main__":
    main()
