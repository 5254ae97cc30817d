"""Fake endpoints on free ports."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.utils import formatdate

from aigw_extproc.doctor.probe_response import ProbeResponse


def refusal(name: str, message: str, status: int = 403) -> bytes:
    """An error in Bedrock's form, as bytes of HTTP."""
    body = json.dumps({"message": message}).encode()
    lines = (
        f"HTTP/1.1 {status} Error",
        f"Date: {formatdate(usegmt=True)}",
        f"x-amzn-ErrorType: {name}:http://internal.amazon.com/coral/com.amazon.bedrock/",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def response(name: str, message: str, status: int = 403) -> ProbeResponse:
    """The same error as a received response."""
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    body = json.dumps({"message": message}).encode()
    return ProbeResponse(status=status, headers=headers, body=body, received_at=0.0, seconds=0.1)


@asynccontextmanager
async def endpoint(reply: bytes, tls: ssl.SSLContext | None = None, *, only: str = "") -> AsyncIterator[int]:
    """Serve `reply` to every request, or to those of one path `only`; yield the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n{}")
            writer.write(reply if only.encode() in request else b"")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the TCP check sends nothing
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def silence() -> AsyncIterator[int]:
    """Accept connections and never respond."""
    done = asyncio.Event()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        done.set()


@asynccontextmanager
async def hanging_up() -> AsyncIterator[int]:
    """Accept connections and close them."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses connections and stays reserved meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
