"""gRPC's own client, with and without asyncio, on each transport."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from aigw_extproc.extproc.transport import SERVICE, TRANSPORTS, Transport
from tests.extproc.echo import Echo, serving
from tests.extproc.test_transports import SERVING

PROCESS = f"/{SERVICE}/Process"
LARGE = 100 * 1024 * 1024
SIZES: Any = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))
KEEPALIVE: Any = (
    ("grpc.keepalive_time_ms", 100),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_time_between_pings_ms", 50),
)


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    chosen: Transport = request.param
    return chosen


@pytest.fixture
async def running(transport: Transport) -> AsyncIterator[tuple[str, Echo]]:
    with tempfile.TemporaryDirectory(prefix="aigw-") as folder:
        async with serving(transport, Path(folder)) as service:
            yield service


@pytest.fixture
async def channel(running: tuple[str, Echo]) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(running[0], options=SIZES) as connected:
        yield connected


@pytest.fixture
def echo(running: tuple[str, Echo]) -> Echo:
    return running[1]


async def until_closed(echo: Echo) -> None:
    async with asyncio.timeout(20):
        while echo.open_streams:
            echo.closed.clear()
            await echo.closed.wait()


def exchange(listen: str, messages: list[bytes], **options: Any) -> tuple[list[bytes], grpc.StatusCode]:
    """Send messages with the client that has threads."""
    with grpc.insecure_channel(listen, options=SIZES) as channel:
        call = channel.stream_stream(PROCESS)(iter(messages), timeout=60, **options)
        return list(call), call.code()


async def test_a_client_with_threads(running: tuple[str, Echo]) -> None:
    messages = [b"one", b"", b"x" * 70_000, Echo.FIRST, Echo.LAST]
    answers = await asyncio.to_thread(exchange, running[0], messages)
    # An empty answer is none.
    assert answers == ([b"one", messages[2], b"first", Echo.FIRST, Echo.LAST], grpc.StatusCode.OK)


async def test_a_client_with_threads_asks_for_health(running: tuple[str, Echo]) -> None:
    def check() -> int:
        with grpc.insecure_channel(running[0]) as channel:
            call = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            status: int = call(health_pb2.HealthCheckRequest(), timeout=20).status
            return status

    assert await asyncio.to_thread(check) == SERVING


async def test_metadata_is_ignored(running: tuple[str, Echo]) -> None:
    metadata = (("x-text", "value"), ("x-text", "another"), ("x-data-bin", bytes(range(256))), ("x-long", "x" * 4_000))
    answers = await asyncio.to_thread(exchange, running[0], [b"one"], metadata=metadata)
    assert answers == ([b"one"], grpc.StatusCode.OK)


async def test_the_trace_of_a_call_reaches_its_stream(running: tuple[str, Echo]) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for metadata in ((("traceparent", trace),), ()):
        await asyncio.to_thread(exchange, running[0], [b"one"], metadata=metadata)
    assert running[1].traces == [trace, ""]


async def test_messages_of_100_megabytes(running: tuple[str, Echo]) -> None:
    message = bytes(range(256)) * (LARGE // 256)
    answers, status = await asyncio.to_thread(exchange, running[0], [message, message])
    assert (status, [len(answer) for answer in answers]) == (grpc.StatusCode.OK, [LARGE, LARGE])
    assert answers[0] == message


async def test_many_streams_at_once(channel: grpc.aio.Channel) -> None:
    async def talk(number: int) -> None:
        call = channel.stream_stream(PROCESS)(timeout=60)
        for turn in range(5):
            message = b"%d of %d" % (turn, number) * (number + 1)
            await call.write(message)
            assert await call.read() == message
        await call.done_writing()
        assert await call.code() == grpc.StatusCode.OK

    await asyncio.gather(*map(talk, range(200)))


async def test_messages_that_come_while_another_waits_are_answered_in_order(
    channel: grpc.aio.Channel, echo: Echo
) -> None:
    call = channel.stream_stream(PROCESS)(timeout=60)
    messages = [b"one", Echo.WAIT, b"two", b"x" * 3_000_000, b"three"]
    sending = asyncio.ensure_future(_send(call, messages))
    assert await call.read() == b"one"
    echo.release.set()
    assert [await call.read() for _ in messages[1:]] == messages[1:]
    await sending
    assert await call.code() == grpc.StatusCode.OK


async def _send(call: Any, messages: list[bytes]) -> None:
    for message in messages:
        await call.write(message)
    await call.done_writing()


async def test_a_deadline_ends_the_call_on_both_sides(channel: grpc.aio.Channel, echo: Echo) -> None:
    call = channel.stream_stream(PROCESS)(iter([Echo.WAIT]), timeout=0.5)
    assert await call.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    await until_closed(echo)
    assert echo.answered == 0


async def test_a_cancelled_call_ends_its_answer(channel: grpc.aio.Channel, echo: Echo) -> None:
    call = channel.stream_stream(PROCESS)(timeout=60)
    await call.write(b"one")
    assert await call.read() == b"one"
    await call.write(Echo.WAIT)
    call.cancel()
    await until_closed(echo)
    assert echo.answered == 1


async def test_a_client_that_goes_ends_its_streams(running: tuple[str, Echo]) -> None:
    listen, echo = running
    channel = grpc.aio.insecure_channel(listen)
    for _ in range(3):
        call = channel.stream_stream(PROCESS)()
        await call.write(b"one")
        await call.read()
    await channel.close(None)
    await until_closed(echo)


async def test_keepalive_pings_of_an_idle_call_are_answered(running: tuple[str, Echo]) -> None:
    async with grpc.aio.insecure_channel(running[0], options=KEEPALIVE) as channel:
        call = channel.stream_stream(PROCESS)(timeout=60)
        await call.write(b"one")
        assert await call.read() == b"one"
        await asyncio.sleep(1)  # ten pings
        await call.write(b"two")
        assert await call.read() == b"two"


async def test_a_defect_is_an_internal_error_without_its_text(channel: grpc.aio.Channel, transport: Transport) -> None:
    call = channel.stream_stream(PROCESS)(iter([Echo.DEFECT]), timeout=60)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call.read()
    if transport == "http2":
        assert raised.value.code() == grpc.StatusCode.INTERNAL
        assert raised.value.details() == "the processor has a defect; its log says more"


async def test_a_compressed_message_is_refused(transport: Transport, running: tuple[str, Echo]) -> None:
    if transport != "http2":
        pytest.skip("gRPC's own server can decompress")

    def compressed() -> Iterator[bytes]:
        yield b"x" * 1_000

    with grpc.insecure_channel(running[0], compression=grpc.Compression.Gzip) as channel:
        call = channel.stream_stream(PROCESS)(compressed(), timeout=60)
        code = await asyncio.to_thread(call.code)
        assert (code, call.details()) == (grpc.StatusCode.UNIMPLEMENTED, "compressed messages are not supported")
