"""A server that answers any request with a body, as a web server would: for tools that test HTTP/2, not gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from aigw_extproc.extproc.http2.connection import Connection
from aigw_extproc.extproc.http2.events import Data, Request, Reset
from aigw_extproc.extproc.http2.headers import encode

RESPONSE = encode(((":status", "200"), ("content-type", "text/plain")))
BODY = b"hello, world\n"
TRAILERS = encode((("x-end", "1"),))
MUCH = 2**20


class _Answering(asyncio.Protocol):
    def __init__(self) -> None:
        self._http2 = Connection(header_table_size=4_096)  # since h2spec does not say that it has none
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._flush()

    def data_received(self, data: bytes) -> None:
        for event in self._http2.receive(data, monotonic()):
            match event:
                case Request(stream_id=stream_id, ended=True) | Data(stream_id=stream_id, ended=True):
                    self._http2.send_headers(stream_id, RESPONSE)
                    self._http2.send_data(stream_id, BODY)
                    self._http2.send_trailers(stream_id, TRAILERS)
                case Reset():
                    pass
        self._flush()

    def _flush(self) -> None:
        while data := self._http2.data_to_send(MUCH):
            self._transport.write(data)
            self._http2.take_sent()
        if self._http2.failed:
            self._transport.close()


@asynccontextmanager
async def answering() -> AsyncIterator[int]:
    """Run the server, and yield its port."""
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
