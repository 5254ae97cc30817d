"""Tests for aigw_extproc.extproc.h2_server: what gRPC's clients do not do, with `h2` on a socket."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingAckReceived,
    ResponseReceived,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes

from aigw_extproc.extproc.framing import frame
from tests.extproc.echo import Echo, serving
from tests.extproc.test_grpc_clients import PROCESS
from tests.extproc.test_transports import CALL

GRACE = 20.0
"""Seconds, which no test waits for."""


class Client:
    """An `h2` client on a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self._reader, self._writer = reader, writer

    async def send(self) -> None:
        self._writer.write(self.h2.data_to_send())
        await self._writer.drain()

    async def until(self, kind: type[Event]) -> list[Event]:
        """Send what there is, and return all events up to the first one of a kind."""
        events: list[Event] = []
        async with asyncio.timeout(20):
            while not any(isinstance(event, kind) for event in events):
                await self.send()
                received = await self._reader.read(65_536)
                assert received, events
                events += self.h2.receive_data(received)
        await self.send()
        return events

    async def call(self, stream_id: int, *messages: bytes, **headers: str) -> None:
        pairs = CALL | {name.replace("__", ":").replace("_", "-"): value for name, value in headers.items()}
        self.h2.send_headers(stream_id, pairs.items())
        self.h2.send_data(stream_id, b"".join(map(frame, messages)))

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
async def running() -> AsyncIterator[tuple[str, Echo]]:
    with tempfile.TemporaryDirectory(prefix="aigw-") as folder:
        async with serving("http2", Path(folder), grace=GRACE) as service:
            yield service


@pytest.fixture
async def client(running: tuple[str, Echo]) -> AsyncIterator[Client]:
    connected = Client(*await asyncio.open_unix_connection(running[0].removeprefix("unix://")))
    yield connected
    connected.close()


def first(events: list[Event], kind: type[Event]) -> Any:
    return next(event for event in events if isinstance(event, kind))


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"__method": "GET"}, "405"), ({"content_type": "application/json"}, "415"), ({"content_type": ""}, "415")],
)
async def test_a_request_that_is_no_call_is_refused(client: Client, headers: dict[str, str], status: str) -> None:
    await client.call(1, b"message", **headers)
    events = await client.until(StreamReset)
    assert dict(first(events, ResponseReceived).headers) == {":status": status}
    assert first(events, StreamReset).error_code == 0


async def test_a_method_that_does_not_exist_is_unimplemented(client: Client) -> None:
    await client.call(1, b"message", __path="/service/Méthode".encode().decode("latin-1"))
    headers = dict(first(await client.until(ResponseReceived), ResponseReceived).headers)
    assert headers == {
        ":status": "200",
        "content-type": "application/grpc",
        "grpc-status": "12",
        "grpc-message": "there is no such method",
    }


async def test_the_next_message_waits_until_an_answer_is_read(client: Client, running: tuple[str, Echo]) -> None:
    """So a client that does not read costs the memory of one answer."""
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    await client.call(1, b"one", b"two", b"three")
    client.h2.ping(b"12345678")
    await client.until(PingAckReceived)
    assert running[1].answered == 1
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1000})
    client.h2.end_stream(1)
    events = await client.until(TrailersReceived)
    data = b"".join(event.data for event in events if isinstance(event, DataReceived))
    assert data == b"".join(map(frame, (b"one", b"two", b"three")))
    assert running[1].answered == 3


async def test_an_attack_ends_its_connection_and_is_logged(
    client: Client, running: tuple[str, Echo], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(10_001):
        client.h2.ping(b"12345678")
    with caplog.at_level(logging.WARNING):
        ended = first(await client.until(ConnectionTerminated), ConnectionTerminated)
    reason = "more than 10000 frames without use, and 1000 more each second"
    assert (ended.error_code, ended.additional_data) == (11, reason.encode())
    assert caplog.messages == [f"connection closed: ENHANCE_YOUR_CALM: {reason}"]
    async with grpc.aio.insecure_channel(running[0]) as channel:
        call = channel.stream_stream(PROCESS)(iter([b"one"]), timeout=20)
        assert await call.read() == b"one"


async def test_an_idle_connection_does_not_delay_a_drain(tmp_path_factory: pytest.TempPathFactory) -> None:
    with tempfile.TemporaryDirectory(prefix="aigw-") as folder:
        began = time.monotonic()
        async with serving("http2", Path(folder), grace=GRACE) as (listen, _):
            channel = grpc.aio.insecure_channel(listen)
            call = channel.stream_stream(PROCESS)(iter([Echo.LAST]), timeout=20)
            assert await call.read() == Echo.LAST
            assert await call.code() is grpc.StatusCode.OK
        await channel.close()
    assert time.monotonic() - began < GRACE


async def test_a_call_that_outlives_the_grace_gets_a_status() -> None:
    with tempfile.TemporaryDirectory(prefix="aigw-") as folder:
        async with serving("http2", Path(folder), grace=0.1) as (listen, _):
            channel = grpc.aio.insecure_channel(listen)
            call = channel.stream_stream(PROCESS)(timeout=20)
            await call.write(b"one")
            assert await call.read() == b"one"
        assert await call.code() is grpc.StatusCode.UNAVAILABLE
        assert await call.details() == "the processor shuts down"
        await channel.close()
