"""Tests for each transport, with gRPC's own client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Mapping, Sequence

import grpc
import pytest
from grpc_health.v1 import health_pb2
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived, TrailersReceived

from aigw_extproc.aws.identity import Identity
from aigw_extproc.config.snapshot import AwsAuth, Snapshot, Upstream
from aigw_extproc.exchange.messages import UpstreamCall
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.extproc.processor import Processor
from aigw_extproc.extproc.server import create_server
from aigw_extproc.extproc.transport import MAX_MESSAGE_BYTES, SERVICE, TRANSPORTS, Server, Transport
from aigw_extproc.routing import Router
from aigw_extproc.translate.contract import Fetched, UpstreamResponse

GRACE = 1.0
SERVING = health_pb2.HealthCheckResponse.SERVING


def request_headers(method: bytes, path: bytes, *, end_of_stream: bool) -> pb.ProcessingRequest:
    pairs = ((":method", method), (":path", path))
    headers = [pb.HeaderValue(key=name, raw_value=value).SerializeToString() for name, value in pairs]
    return pb.ProcessingRequest(
        request_headers=pb.HttpHeaders(headers=pb.HeaderMap(headers=headers), end_of_stream=end_of_stream)
    )


GET_MODELS = request_headers(b"GET", b"/v1/models", end_of_stream=True)
POST_CHAT = request_headers(b"POST", b"/v1/chat/completions", end_of_stream=False)

CALL = {
    ":method": "POST",
    ":scheme": "http",
    ":authority": "localhost",
    ":path": f"/{SERVICE}/Process",
    "content-type": "application/grpc",
    "te": "trailers",
}
RESOURCE_EXHAUSTED = "8"


async def no_credentials(auth: AwsAuth) -> Identity:
    raise AssertionError(auth)


async def no_upstream(upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
    raise AssertionError(calls)


async def no_media(urls: tuple[str, ...], hosts: tuple[str, ...]) -> Mapping[str, Fetched]:
    raise AssertionError(urls)


def processor() -> Processor:
    router = Router(Snapshot(rules=()))
    return Processor(lambda: router, no_credentials, no_media, no_upstream)


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    chosen: Transport = request.param
    return chosen


@pytest.fixture
def listen(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"unix://{tmp_path_factory.mktemp('s')}/p.sock"


@pytest.fixture
async def server(transport: Transport, listen: str) -> AsyncIterator[Server]:
    serving = create_server(transport, processor(), listen, grace=GRACE)
    await serving.start()
    yield serving
    await serving.drain()


@pytest.fixture
async def channel(server: Server, listen: str) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(listen) as connected:
        yield connected


async def health(channel: grpc.aio.Channel, service: str) -> int:
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    answer = await check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    return int(answer.status)


async def call(channel: grpc.aio.Channel, method: str, *messages: bytes) -> list[bytes]:
    stream = channel.stream_stream(f"/{SERVICE}/{method}")(iter(messages), timeout=5)
    return [answer async for answer in stream]


@pytest.mark.parametrize("service", ["", SERVICE])
async def test_it_is_healthy(channel: grpc.aio.Channel, service: str) -> None:
    assert await health(channel, service) == SERVING


async def test_the_health_of_another_service_is_not_found(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await health(channel, "envoy.service.auth.v3.Authorization")
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_stream_ends_with_its_last_answer(channel: grpc.aio.Channel) -> None:
    [answer] = await call(channel, "Process", GET_MODELS.SerializeToString())
    reply = pb.ProcessingResponse.FromString(answer).immediate_response
    assert (reply.status.code, reply.body) == (200, b'{"object":"list","data":[]}')


async def test_a_stream_that_the_client_ends_early_has_status_ok(channel: grpc.aio.Channel) -> None:
    """Envoy does this when its own client has gone."""
    stream = channel.stream_stream(f"/{SERVICE}/Process")(timeout=5)
    await stream.write(POST_CHAT.SerializeToString())
    await stream.read()
    await stream.done_writing()
    assert await stream.code() == grpc.StatusCode.OK


async def test_other_methods_are_unimplemented(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        # Without a message, since sending one to a call that has ended is another error.
        await call(channel, "Watch")
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_a_malformed_message_ends_its_own_stream_only(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await call(channel, "Process", b"\xff")
    assert len(await call(channel, "Process", GET_MODELS.SerializeToString())) == 1


@pytest.mark.usefixtures("server")
async def test_a_frame_that_claims_more_than_the_limit_is_refused_at_once(
    channel: grpc.aio.Channel, listen: str, transport: Transport
) -> None:
    """Its prefix suffices: no memory is reserved for the message."""
    claim = b"\0" + struct.pack(">I", MAX_MESSAGE_BYTES + 1)
    async with asyncio.timeout(5):
        assert await status_of(listen, claim) == RESOURCE_EXHAUSTED
    assert len(await call(channel, "Process", GET_MODELS.SerializeToString())) == 1


async def status_of(listen: str, data: bytes) -> str:
    """Begin a call with `data`, leave it open, and return the status with which the server ends it."""
    reader, writer = await asyncio.open_unix_connection(listen.removeprefix("unix://"))
    client = H2Connection(H2Configuration(header_encoding="utf-8"))
    client.initiate_connection()
    client.send_headers(1, CALL.items())
    client.send_data(1, data)
    writer.write(client.data_to_send())
    with contextlib.closing(writer):
        while received := await reader.read(65536):
            for event in client.receive_data(received):
                headers = dict(event.headers) if isinstance(event, ResponseReceived | TrailersReceived) else {}
                if "grpc-status" in headers:
                    return headers["grpc-status"]
    raise ConnectionError("the connection was closed before the call had a status")


@pytest.mark.usefixtures("server")
async def test_only_the_owner_and_the_group_can_connect(listen: str) -> None:
    assert os.stat(listen.removeprefix("unix://")).st_mode & 0o777 == 0o660  # noqa: PTH116 - one stat does not block


async def test_an_unusable_address_is_an_error(transport: Transport) -> None:
    async def start() -> None:
        await create_server(transport, processor(), "unix:///nowhere/p.sock", grace=GRACE).start()

    with pytest.raises(OSError, match=r"cannot listen on unix:///nowhere/p\.sock"):
        await start()


async def test_a_stream_that_outlives_the_grace_is_closed(server: Server, channel: grpc.aio.Channel) -> None:
    stream = channel.stream_stream(f"/{SERVICE}/Process")()
    await stream.write(POST_CHAT.SerializeToString())
    assert pb.ProcessingResponse.FromString(await stream.read()).HasField("request_headers")
    await server.drain()
    with pytest.raises(grpc.aio.AioRpcError):
        await stream.read()


@pytest.mark.parametrize("place", ["unix", "tcp"])
async def test_while_it_drains_connections_are_refused(transport: Transport, listen: str, place: str) -> None:
    """Connections are not left unanswered: clients can try another address at once."""
    if place == "tcp":
        with socket.create_server(("127.0.0.1", 0)) as free:
            listen = "127.0.0.1:{1}".format(*free.getsockname())
    server = create_server(transport, processor(), listen, grace=GRACE)
    await server.start()
    async with grpc.aio.insecure_channel(listen) as channel:
        stream = channel.stream_stream(f"/{SERVICE}/Process")()
        await stream.write(POST_CHAT.SerializeToString())
        await stream.read()
        draining = asyncio.ensure_future(server.drain())
        async with asyncio.timeout(GRACE / 2):
            await until_refused(listen)
        assert not draining.done()
        await draining


async def until_refused(listen: str) -> None:
    path, port = listen.removeprefix("unix://"), listen.rpartition(":")[2]
    with contextlib.suppress(FileNotFoundError, ConnectionError):
        while True:
            connecting = (
                asyncio.open_unix_connection(path) if path != listen else asyncio.open_connection("127.0.0.1", port)
            )
            (await connecting)[1].close()


async def test_after_its_drain_calls_are_refused(server: Server, channel: grpc.aio.Channel) -> None:
    await server.drain()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await health(channel, "")
    assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
