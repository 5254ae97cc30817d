"""Tests for aigw_extproc.outbound.upstream: destinations, concurrency and failures of batches."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from aigw_extproc.config.snapshot import Address, Tls, Upstream
from aigw_extproc.errors import UpstreamTimeout, UpstreamUnreachable
from aigw_extproc.exchange.messages import UpstreamCall
from aigw_extproc.outbound import upstream as module
from aigw_extproc.outbound.upstream import CONCURRENCY, UpstreamClient
from aigw_extproc.translate.contract import UpstreamResponse
from tests.envoy_config.certificates import authority
from tests.envoy_config.running import Handler, refused_port, running_upstream
from tests.envoy_config.running import Upstream as Server


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    made = UpstreamClient()
    yield made
    await made.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with running_upstream() as running:
        running.answer = echo
        yield running


def echo(handler: Handler, status: int = 200) -> None:
    """Answer with the number in the path."""
    body = handler.path.removeprefix("/model/m/").encode()
    handler.send_response_only(status)
    handler.send_header("X-Amzn-RequestId", "R")
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def to(*ports: int, tls: Tls | None = None) -> Upstream:
    addresses = tuple(Address(host="127.0.0.1", port=port) for port in ports)
    return Upstream(cluster="default/bedrock", host="bedrock.test", addresses=addresses, tls=tls)


def calls(count: int) -> list[UpstreamCall]:
    headers = (("host", "bedrock.test"), ("authorization", "AWS4"), ("content-length", "2"))
    return [UpstreamCall(path=f"/model/m/{number}", headers=headers, body=b"{}") for number in range(count)]


async def test_a_request_arrives_as_it_was_signed(client: UpstreamClient, server: Server) -> None:
    [answer] = await client.call(to(server.port), calls(1))
    [received] = server.received
    assert received.line == "POST /model/m/0 HTTP/1.1"
    assert [(name.lower(), value) for name, value in received.headers] == [
        ("host", "bedrock.test"),
        ("authorization", "AWS4"),
        ("content-length", "2"),
    ]
    assert received.body == b"{}"
    assert answer == UpstreamResponse(status=200, headers={"x-amzn-requestid": "R", "content-length": "1"}, body=b"0")


async def test_answers_keep_the_order_of_the_requests(client: UpstreamClient, server: Server) -> None:
    answers = await client.call(to(server.port), calls(40))
    assert [answer.body for answer in answers] == [str(number).encode() for number in range(40)]


async def test_concurrency_is_limited(client: UpstreamClient, server: Server) -> None:
    full, lock, most, now = threading.Barrier(CONCURRENCY), threading.Lock(), 0, 0

    def count(handler: Handler) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        full.wait(10)  # released by CONCURRENCY concurrent requests
        with lock:
            now -= 1
        echo(handler)

    server.answer = count
    await client.call(to(server.port), calls(3 * CONCURRENCY))
    assert most == CONCURRENCY


async def test_the_first_failure_is_the_answer_and_cancels_the_others(client: UpstreamClient, server: Server) -> None:
    release = threading.Event()

    def fail_the_third(handler: Handler) -> None:
        if handler.path.endswith("/2"):
            echo(handler, status=429)
        else:
            release.wait(10)

    server.answer = fail_the_third
    try:
        [answer] = await client.call(to(server.port), calls(100))
    finally:
        release.set()
    assert answer.status == 429
    assert len(server.received) <= 2 * CONCURRENCY


async def test_requests_are_distributed_over_all_addresses(client: UpstreamClient, server: Server) -> None:
    with running_upstream() as second:
        second.answer = echo
        await client.call(to(server.port, second.port), calls(10))
        assert (len(server.received), len(second.received)) == (5, 5)


async def test_a_connection_is_used_again(client: UpstreamClient, server: Server) -> None:
    ports = []

    def remember(handler: Handler) -> None:
        ports.append(handler.client_address[1])
        echo(handler)

    server.answer = remember
    await client.call(to(server.port), calls(1))
    await client.call(to(server.port), calls(1))
    assert len(set(ports)) == 1


async def test_a_refused_connection(client: UpstreamClient) -> None:
    with refused_port() as port, pytest.raises(UpstreamUnreachable) as caught:
        await client.call(to(port), calls(2))
    assert caught.value.message == "the gateway got no answer from the upstream"


async def test_a_broken_connection(client: UpstreamClient, server: Server) -> None:
    server.answer = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    with pytest.raises(UpstreamUnreachable):
        await client.call(to(server.port), calls(2))


async def test_a_batch_has_a_timeout(client: UpstreamClient, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hold(_: Handler) -> None:
        release.wait(10)

    server.answer = hold
    monkeypatch.setattr(module, "MAX_SECONDS", 0.2)
    try:
        with pytest.raises(UpstreamTimeout) as caught:
            await client.call(to(server.port), calls(2))
    finally:
        release.set()
    assert (caught.value.status, caught.value.message) == (504, "the upstream did not answer in time")


async def test_the_certificates_name_and_authority_are_checked(client: UpstreamClient, tmp_path: Path) -> None:
    ca = authority(tmp_path)
    with running_upstream(ca.server("DNS:bedrock.test")) as server:
        server.answer = echo
        trusted = Tls(server_name="bedrock.test", ca_pem=ca.file.read_text())
        [answer] = await client.call(to(server.port, tls=trusted), calls(1))
        assert answer.status == 200
        for distrusted in (Tls(server_name="other.test", ca_pem=trusted.ca_pem), Tls(server_name="bedrock.test")):
            with pytest.raises(UpstreamUnreachable):
                await client.call(to(server.port, tls=distrusted), calls(1))
    assert len(server.received) == 1


async def test_a_cancelled_call_cancels_its_requests(client: UpstreamClient, server: Server) -> None:
    arrived, release = threading.Event(), threading.Event()

    def hold(handler: Handler) -> None:
        arrived.set()
        release.wait(10)

    server.answer = hold
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(client.call(to(server.port), calls(50)))
            await asyncio.to_thread(arrived.wait, 10)
            task.cancel()
    finally:
        release.set()
    assert len(server.received) <= CONCURRENCY
