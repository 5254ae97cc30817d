"""A cheap upstream: it checks only the path, and its responses are prepared in advance.

It runs in its own process, so that its CPU is counted separately. A streamed response is written frame by frame at a
fixed pace: frames that wait together in a socket would reach the processor as one chunk. Envoy's direct responses
would be cheaper, but do not stream.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.traffic import converse_frames, converse_response

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_STREAM = b"/converse-stream HTTP/1.1\r\n"
_HEAD = b"HTTP/1.1 200 OK\r\nx-amzn-requestid: 2f3a1c9e-7f04-4c1e-9d52-0a3c6b1d8e77\r\ncontent-type: %b\r\n"


def _buffered(media_type: bytes, body: bytes) -> bytes:
    return _HEAD % media_type + b"content-length: %d\r\n\r\n" % len(body) + body


def _chunked(media_type: bytes, pieces: Sequence[bytes]) -> list[bytes]:
    """Return the writes of a chunked response: its head, each piece, and the end."""
    head = _HEAD % media_type + b"transfer-encoding: chunked\r\n\r\n"
    return [head, *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces), b"0\r\n\r\n"]


CHAT = _buffered(b"application/json", converse_response())
STREAM = _chunked(b"application/vnd.amazon.eventstream", converse_frames())


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, one request at a time, as Envoy sends them."""

    def __init__(self, interval: float, written: int) -> None:
        self._interval = interval
        self._written = written
        self._start = b""
        self._head: bytes | None = None
        self._missing = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._head is None:
            self._start += data
            head, end, data = self._start.partition(b"\r\n\r\n")
            if not end:
                return
            length = _LENGTH.search(head + b"\r\n")
            self._head, self._missing = head, int(length[1]) if length else 0
        self._missing -= len(data)  # a body of 25 MB is counted, not stored
        if self._missing <= 0:
            self._answer(self._head)

    def _answer(self, head: bytes) -> None:
        self._start, self._head = b"", None
        if _STREAM in head:
            self._write(0)
        else:
            self._transport.write(CHAT)

    def _write(self, position: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(STREAM[position])
        if position + 1 < self._written:
            asyncio.get_running_loop().call_later(self._interval, self._write, position + 1)


async def serve(port_file: Path, interval: float, written: int) -> None:
    """Serve on a free port of 127.0.0.1, which is written to `port_file`.

    `interval` is the seconds between two writes of a stream, which stops after `written` of them, without an end.
    """
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(interval, written), "127.0.0.1", 0, backlog=4096)
    unfinished = port_file.with_suffix(".tmp")
    unfinished.write_text(str(server.sockets[0].getsockname()[1]))
    unfinished.rename(port_file)
    await server.serve_forever()


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--interval", type=float, required=True, help="seconds between two writes of a stream")
    parser.add_argument("--writes", type=int, default=len(STREAM), help="writes of a stream, after which it stops")
    options = parser.parse_args()
    asyncio.run(serve(options.port_file, options.interval, options.writes))


if __name__ == "__main__":
    main()
