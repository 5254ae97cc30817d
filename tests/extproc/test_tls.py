"""Each transport over TLS, asked by gRPC's own client; a whole Envoy is in tests/docs/test_existing_envoy.py."""

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
    """Where."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        where = f"127.0.0.1:{free.getsockname()[1]}"
    server = create_server(transport, processor(), where, grace=GRACE, tls=tls)
    await server.start()
    try:
        yield where.replace("127.0.0.1", "localhost")
    finally:
        await server.drain()


async def ask(where: str, trusted: Authority, own: tuple[Path, Path] | None = None) -> int:
    certificate, key = (file.read_bytes() for file in own) if own else (None, None)
    credentials = grpc.ssl_channel_credentials(trusted.file.read_bytes(), key, certificate)
    # Each on a connection of its own, else they would share one that was made with another certificate.
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.secure_channel(where, credentials, options=options) as channel:
        return await health(channel, "")


async def refused(where: str, trusted: Authority, own: tuple[Path, Path] | None = None) -> bool:
    try:
        await ask(where, trusted, own)
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return False


async def test_a_client_that_trusts_it_is_served(transport: Transport, ca: Authority, other_ca: Authority) -> None:
    async with serving(transport, server_tls(ca)) as where:
        assert await ask(where, ca) == SERVING
        assert await refused(where, other_ca)


async def test_only_clients_with_a_certificate_are_let_in(
    transport: Transport, ca: Authority, other_ca: Authority
) -> None:
    async with serving(transport, server_tls(ca, client_ca=ca)) as where:
        assert await ask(where, ca, ca.certificate("envoy", "DNS:envoy")) == SERVING
        assert await refused(where, ca, other_ca.certificate("stranger", "DNS:envoy"))
        assert await refused(where, ca)


async def test_a_client_in_clear_is_refused(transport: Transport, ca: Authority) -> None:
    async with serving(transport, server_tls(ca)) as where, grpc.aio.insecure_channel(where) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await health(channel, "")


async def test_a_replaced_certificate_is_used_for_the_next_connection(ca: Authority, other_ca: Authority) -> None:
    tls = server_tls(ca)
    async with serving("grpc", tls) as where:
        assert await ask(where, ca) == SERVING
        for file, new in zip((tls.certificate, tls.key), other_ca.certificate("new", "DNS:localhost"), strict=True):
            new.rename(file)
        assert await ask(where, other_ca) == SERVING


async def test_a_broken_one_changes_nothing_and_is_told_once(ca: Authority, caplog: pytest.LogCaptureFixture) -> None:
    tls = server_tls(ca)
    async with serving("grpc", tls) as where:
        tls.certificate.write_text("nothing\n")
        with caplog.at_level(logging.ERROR):
            assert [await ask(where, ca), await ask(where, ca)] == [SERVING, SERVING]
    reason = (
        f"{tls.certificate} and {tls.key} are no certificate and its key: they cannot be read, or the key is encrypted"
    )
    assert [line for line in caplog.messages if "certificate" in line] == [
        f"the certificate stays what it was: {reason}"
    ]


async def test_a_key_that_is_not_the_certificates_is_an_error(transport: Transport, ca: Authority) -> None:
    certificate, _ = ca.certificate("one", "DNS:localhost")
    _, key = ca.certificate("two", "DNS:localhost")
    with pytest.raises(OSError, match=f"{certificate} and {key} are no certificate and its key: KEY_VALUES_MISMATCH"):
        create_server(
            transport, processor(), "127.0.0.1:0", grace=GRACE, tls=ServerTls(certificate=certificate, key=key)
        )


async def test_authorities_that_are_none_are_an_error(transport: Transport, ca: Authority) -> None:
    certificate, key = ca.certificate("one", "DNS:localhost")
    tls = ServerTls(certificate=certificate, key=key, client_ca=key)
    with pytest.raises(OSError, match=f"{key} holds no certificates: "):
        create_server(transport, processor(), "127.0.0.1:0", grace=GRACE, tls=tls)
