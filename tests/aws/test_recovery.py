"""Credentials are used within five seconds after an STS that does not answer is well again, with real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aigw_extproc.aws.credentials.cache import CredentialCache
from aigw_extproc.aws.identity import DefaultChain
from aigw_extproc.config.snapshot import AwsAuth
from aigw_extproc.errors import CredentialsUnavailable
from tests.aws.parts import ROLE, Sts

AUTH = AwsAuth(region="us-east-1", source=DefaultChain())
PROMISED_SECONDS = 5.0


class Gate:
    """A TCP port in front of STS: it refuses connections until it listens, and is silent until it is open."""

    def __init__(self, upstream: str) -> None:
        self.is_open = False
        self.connections = 0
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._upstream = (urlsplit(upstream).hostname or "", urlsplit(upstream).port or 0)
        self._held: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def listen(self) -> None:
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for connection in self._held:
            connection.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self._held.append(client)
                self.connections += 1
                if self.is_open:
                    upstream = socket.create_connection(self._upstream)
                    for source, target in ((client, upstream), (upstream, client)):
                        threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def gate(environment: pytest.MonkeyPatch, tmp_path: Path, sts: Sts) -> Iterator[Gate]:
    (tmp_path / "token").write_text("projected.token")
    with contextlib.closing(Gate(sts.url)) as gate:
        environment.setenv("AWS_ROLE_ARN", ROLE)
        environment.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        environment.setenv("AWS_ENDPOINT_URL_STS", gate.url)
        yield gate


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.to_thread(time.sleep, 0.01)


async def seconds_without_credentials(cache: CredentialCache) -> float:
    """Return how long exchanges still fail, or wait."""
    begun = time.monotonic()
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(CredentialsUnavailable):
                await cache.get(AUTH)
                return time.monotonic() - begun
            await asyncio.to_thread(time.sleep, 0.01)


async def recovery(well: Callable[[CredentialCache], Awaitable[None]]) -> float:
    """Return the seconds without credentials after `well` has made STS well."""
    cache = CredentialCache(share=lambda: 0.999)  # the longest pauses
    fresh = asyncio.ensure_future(cache.keep_fresh(lambda: [AUTH]))
    try:
        await well(cache)
        return await seconds_without_credentials(cache)
    finally:
        fresh.cancel()


async def test_an_sts_that_hangs(gate: Gate) -> None:
    async def well(_cache: CredentialCache) -> None:
        gate.listen()
        await until(lambda: gate.connections == 2)  # the last try of an attempt has begun: the worst moment
        gate.is_open = True

    assert await recovery(well) < PROMISED_SECONDS


async def test_a_closed_port(gate: Gate) -> None:
    async def well(cache: CredentialCache) -> None:
        await until(lambda: any(details["error"] for details in cache.as_details()))
        gate.is_open = True
        gate.listen()

    assert await recovery(well) < PROMISED_SECONDS
