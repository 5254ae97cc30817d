"""A load generator: a number of connections, each with at most one request at a time, until all requests are answered.

It replaces h2load and wrk, which do not check responses, do not report the time of a stream's first byte, and cannot
keep streams open. It sends an exact number of requests, for CPU per exchange, and costs some 30 µs a request in the
benchmark's process, which does nothing else meanwhile. Where h2load is installed, a run reports the requests/s of both
(`crosscheck.py`): h2load leaves more CPU to the stack, so its figure should be larger.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A POST of JSON, and a check of its response."""

    path: str
    body: bytes
    expected: bytes
    """Bytes that the response must have."""
    headers: str = ""
    """Further lines of the head, each with its line end."""
    status: int = 200

    def encode(self, port: int) -> bytes:
        """Return the request's bytes."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nuser-agent: benchmark\r\naccept: */*\r\n"
            f"{self.headers}content-type: application/json\r\ncontent-length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


@dataclass(slots=True)
class Load:
    """The results of a run. Times are in seconds, one per response."""

    first_bytes: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    failures: list[bytes] = field(default_factory=list)
    """The beginning of each wrong response."""
    seconds: float = 0.0


class _Connection(asyncio.Protocol):
    """Sends its next request once a response is complete and `turns` allows it, while requests are left."""

    def __init__(self, data: bytes, request: Request, left: list[None], turns: Iterator[float], load: Load) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._data, self._left, self._turns, self._load = data, left, turns, load
        self._status, self._expected = f"HTTP/1.1 {request.status} ".encode(), request.expected
        self._answer = bytearray()
        self._waiting = False
        self._sent = self._first = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        if not self._answer:
            self._first = time.perf_counter()
        self._answer += data
        if _is_complete(self._answer):
            self._record()
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._load.failures.append(b"the connection was lost: " + bytes(self._answer[:200]))
        self.closed.set_result(None)

    def _next(self) -> None:
        self._answer.clear()
        self._waiting = bool(self._left)
        if not self._left:
            self._transport.close()
            return
        self._left.pop()
        wait = next(self._turns) - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._send)
        else:
            self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._data)

    def _record(self) -> None:
        if not self._answer.startswith(self._status) or self._expected not in self._answer:
            self._load.failures.append(bytes(self._answer[:500]))
        self._load.first_bytes.append(self._first - self._sent)
        self._load.latencies.append(time.perf_counter() - self._sent)


def _is_complete(answer: bytearray) -> bool:
    head_end = answer.find(b"\r\n\r\n")
    if head_end < 0:
        return False
    length = _LENGTH.search(answer, 0, head_end + 2)
    if length is None:
        return answer.endswith(b"\r\n0\r\n\r\n")
    return len(answer) >= head_end + 4 + int(length[1])


async def run(port: int, request: Request, *, connections: int, count: int, limit: float, rate: float = 0) -> Load:
    """Send `count` requests to 127.0.0.1:`port`, as fast as possible or `rate` a second.

    Raises:
        TimeoutError: it took more than `limit` seconds.
    """
    load, left = Load(), [None] * count
    loop, data = asyncio.get_running_loop(), request.encode(port)
    started = time.perf_counter()
    turns = itertools.count(started, 1 / rate) if rate else itertools.repeat(started)

    def connection() -> _Connection:
        return _Connection(data, request, left, turns, load)

    async with asyncio.timeout(limit):
        protocols = [
            (await loop.create_connection(connection, "127.0.0.1", port))[1] for _ in range(min(connections, count))
        ]
        await asyncio.gather(*(protocol.closed for protocol in protocols))
    load.seconds = time.perf_counter() - started
    load.failures += [b"not sent: every connection was lost"] * len(left)
    return load


@contextlib.asynccontextmanager
async def open_streams(port: int, request: Request, *, count: int, limit: float) -> AsyncIterator[None]:
    """Keep `count` streams open, each read up to the request's `expected`.

    Raises:
        IncompleteReadError: a response ended too early.
        TimeoutError: it took more than `limit` seconds.
    """
    data, writers = request.encode(port), []
    try:
        async with asyncio.timeout(limit):
            for _ in range(count):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writers.append(writer)
                writer.write(data)
                await reader.readuntil(request.expected)
        yield
    finally:
        for writer in writers:
            writer.transport.abort()
