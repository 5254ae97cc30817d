"""Tests for TLS on each transport, with gRPC's own client; tests/docs/test_existing_envoy.py has a real Envoy."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from aigw_extproc.extproc.server import create_server
from aigw_extproc.extproc.tls import ServerTls
from aigw_extproc.extproc.transport import TRANSPORTS, Transport
from tests.envoy_config.certificates import Authority, authority
from tests.extproc.test_transports import GRACE, SERVING, health, processor


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    chosen: Transport = request.param
    return chosen


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return authority(tmp_path)


@pytest.fixture
def other_ca(tmp_path: Path) -> Authority:
    (tmp_path / "other").mkdir()
    return authority(tmp_path / "other")


def server_tls(ca: Authority, client_ca: Authority | None = None) -> ServerTls:
    certificate, key = ca.certificate("processor", "DNS:localhost")
    return ServerTls(certificate=certificate, key=key, client_ca=client_ca.file if client_ca else None)


@asynccontextmanager
async def serving(transport: Transport, tls: ServerTls) -> AsyncIterator[str]:
    """Run a server, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        where = f"127.0.0.1:{free.getsockname()[1]}"
    server = create_server(transport, processor(), where, grace=GRACE, tls=tls)
    await server.start()
    try:
        yield where.replace("127.0.0.1", "localhost")
    finally:
        await server.drain()


async def check_health(where: str, trusted: Authority, own: tuple[Path, Path] | None = None) -> int:
    certificate, key = (file.read_bytes() for file in own) if own else (None, None)
    credentials = grpc.ssl_channel_credentials(trusted.file.read_bytes(), key, certificate)
    # A new connection for each call: a shared one could have been made with another certificate.
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.secure_channel(where, credentials, options=options) as channel:
        return await health(channel, "")


async def refused(where: str, trusted: Authority, own: tuple[Path, Path] | None = None) -> bool:
    try:
        await check_health(where, trusted, own)
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return False


async def test_a_client_that_trusts_the_certificate_is_served(
    transport: Transport, ca: Authority, other_ca: Authority
) -> None:
    async with serving(transport, server_tls(ca)) as where:
        assert await check_health(where, ca) == SERVING
        assert await refused(where, other_ca)


async def test_only_clients_with_a_certificate_are_accepted(
    transport: Transport, ca: Authority, other_ca: Authority
) -> None:
    async with serving(transport, server_tls(ca, client_ca=ca)) as where:
        assert await check_health(where, ca, ca.certificate("envoy", "DNS:envoy")) == SERVING
        assert await refused(where, ca, other_ca.certificate("stranger", "DNS:envoy"))
        assert await refused(where, ca)


async def test_a_client_without_tls_is_refused(transport: Transport, ca: Authority) -> None:
    async with serving(transport, server_tls(ca)) as where, grpc.aio.insecure_channel(where) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await health(channel, "")


async def test_a_replaced_certificate_is_used_for_the_next_connection(
    transport: Transport, ca: Authority, other_ca: Authority
) -> None:
    tls = server_tls(ca)
    async with serving(transport, tls) as where:
        assert await check_health(where, ca) == SERVING
        for file, new in zip((tls.certificate, tls.key), other_ca.certificate("new", "DNS:localhost"), strict=True):
            new.rename(file)
        assert await check_health(where, other_ca) == SERVING


async def test_clients_are_checked_against_replaced_authorities(
    transport: Transport, ca: Authority, other_ca: Authority, tmp_path: Path
) -> None:
    accepted = tmp_path / "accepted.pem"
    accepted.write_bytes(ca.file.read_bytes())
    certificate, key = ca.certificate("processor", "DNS:localhost")
    old, new = ca.certificate("old", "DNS:envoy"), other_ca.certificate("new", "DNS:envoy")
    async with serving(transport, ServerTls(certificate=certificate, key=key, client_ca=accepted)) as where:
        assert await check_health(where, ca, old) == SERVING
        assert await refused(where, ca, new)
        accepted.write_bytes(other_ca.file.read_bytes())
        assert await check_health(where, ca, new) == SERVING
        assert await refused(where, ca, old)


async def test_a_broken_certificate_is_logged_once_and_changes_nothing(
    transport: Transport, ca: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    tls = server_tls(ca)
    async with serving(transport, tls) as where:
        tls.certificate.write_text("nothing\n")
        with caplog.at_level(logging.ERROR):
            assert [await check_health(where, ca), await check_health(where, ca)] == [SERVING, SERVING]
    reason = (
        f"{tls.certificate} and {tls.key} are not a certificate and key: they cannot be read, or the key is encrypted"
    )
    assert [line for line in caplog.messages if "certificate" in line] == [f"kept the previous certificate: {reason}"]


async def test_a_key_of_another_certificate_is_an_error(transport: Transport, ca: Authority) -> None:
    certificate, _ = ca.certificate("one", "DNS:localhost")
    _, key = ca.certificate("two", "DNS:localhost")
    with pytest.raises(OSError, match=f"{certificate} and {key} are not a certificate and key: KEY_VALUES_MISMATCH"):
        create_server(
            transport, processor(), "127.0.0.1:0", grace=GRACE, tls=ServerTls(certificate=certificate, key=key)
        )


async def test_a_file_without_authorities_is_an_error(transport: Transport, ca: Authority) -> None:
    certificate, key = ca.certificate("one", "DNS:localhost")
    tls = ServerTls(certificate=certificate, key=key, client_ca=key)
    with pytest.raises(OSError, match=f"{key} holds no certificates: "):
        create_server(transport, processor(), "127.0.0.1:0", grace=GRACE, tls=tls)
