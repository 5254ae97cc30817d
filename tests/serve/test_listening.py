"""A processor's socket that is closed is listened on again."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from aigw_extproc.extproc.h2_server import H2Server
from aigw_extproc.serve import listening
from aigw_extproc.serve.listening import serve_until
from tests.extproc.echo import Echo
from tests.serve.test_supervisor import until


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


async def test_a_closed_tcp_listener_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "CHECK_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as held:
        port = held.getsockname()[1]
    servers: list[H2Server] = []
    told: list[bool] = []

    def create() -> H2Server:
        servers.append(H2Server(Echo(), f"127.0.0.1:{port}", grace=1))
        return servers[-1]

    stop = asyncio.Event()
    serving = asyncio.ensure_future(serve_until(stop, create, f"127.0.0.1:{port}", told.append))
    await until(lambda: told == [True])
    assert accepts(port)
    listener = servers[0]._server.sockets[0]  # type: ignore[union-attr] # it has begun
    socket.socket(fileno=os.dup(listener.fileno())).shutdown(socket.SHUT_RDWR)
    await until(lambda: told == [True, False, True])
    assert accepts(port)
    stop.set()
    await serving
    assert not accepts(port)
