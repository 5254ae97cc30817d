"""A service that answers each message with itself, to test transports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aigw_extproc.extproc.server import create_server
from aigw_extproc.extproc.transport import Send, Transport


class Echo:
    """Implements `Streams`. Some messages ask for something else."""

    WAIT = b"wait for release"
    LAST = b"this is the last message"
    FIRST = b"send something first"
    DEFECT = b"raise an error"

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.closed = asyncio.Event()
        """Set when a stream has ended."""
        self.open_streams = 0
        self.answered = 0
        self.cancelled = 0
        self.traces: list[str] = []
        """The trace of each stream; empty for none."""

    def open(self, send: Send, traceparent: str = "") -> EchoStream:
        self.open_streams += 1
        self.traces.append(traceparent)
        return EchoStream(self, send)


class EchoStream:
    def __init__(self, service: Echo, send: Send) -> None:
        self.over = False
        self._service = service
        self._send = send

    async def answer(self, message: bytes) -> bytes:
        service = self._service
        if message == Echo.WAIT:
            try:
                await service.release.wait()
            except asyncio.CancelledError:
                service.cancelled += 1
                raise
        if message == Echo.FIRST:
            await self._send(b"first")
        if message == Echo.DEFECT:
            raise RuntimeError("a secret of ours")
        self.over = message == Echo.LAST
        service.answered += 1
        return message

    def close(self) -> None:
        self._service.open_streams -= 1
        self._service.closed.set()


@asynccontextmanager
async def serving(transport: Transport, folder: Path, grace: float = 5.0) -> AsyncIterator[tuple[str, Echo]]:
    """Run the service, and yield its address."""
    service, listen = Echo(), f"unix://{folder}/e.sock"
    server = create_server(transport, service, listen, grace=grace)
    await server.start()
    try:
        yield listen, service
    finally:
        service.release.set()
        await server.drain()
    assert service.open_streams == 0
