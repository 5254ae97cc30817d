"""The gRPC service on our own HTTP/2, in one thread: what one read brings is answered by one write.

`http2` is the protocol, `call` gRPC; this module is sockets, TLS and the end of connections.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final, Protocol

from aigw_extproc.extproc.call import Call, Status, trailers
from aigw_extproc.extproc.health import Health
from aigw_extproc.extproc.http2.connection import Connection
from aigw_extproc.extproc.http2.events import Data, Event, Failed, GoingAway, Request, Reset
from aigw_extproc.extproc.http2.frames import ErrorCode
from aigw_extproc.extproc.http2.headers import Headers, encode
from aigw_extproc.extproc.tls import ServerTls, server_context
from aigw_extproc.extproc.transport import SERVICE, SOCKET_MODE, Send, Stream, Streams, unix_path

log = logging.getLogger(__name__)

BACKLOG: Final = 1024
"""Connections that may wait to be accepted."""
WRITE_BYTES: Final = 256 * 1024
"""Of waiting data that is given to the socket at once. Nothing is read while more than that is on its way out."""
CLOSE_SECONDS: Final = 0.5
"""After the grace, for connections to send what they hold."""


class OpenStream(Protocol):
    """Opens a stream, of one method of the service."""

    def __call__(self, send: Send, traceparent: str = "") -> Stream: ...


class H2Server:
    """The default `Server`."""

    def __init__(self, streams: Streams, listen: str, *, grace: float, tls: ServerTls | None = None) -> None:
        """Create a server, which binds `listen` in `start()`.

        Raises:
            OSError: a file of `tls` cannot be used.
        """
        self._health = Health()
        self._methods: dict[str, OpenStream] = {
            f"/{SERVICE}/Process": streams.open,
            "/grpc.health.v1.Health/Check": self._health.open,
        }
        self._listen = listen
        self._grace = grace
        self._tls = server_context(tls) if tls else None
        self._peers: set[Peer] = set()
        self._gone = asyncio.Event()
        """Set when a connection has gone."""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        try:
            listener = _bind(self._listen)
        except OSError as error:
            raise OSError(f"cannot listen on {self._listen}: {error}") from None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connected, sock=listener, ssl=self._tls, backlog=BACKLOG)
        self._health.serving = True

    def listens(self) -> bool:
        return self._server is not None and all(map(_listens, self._server.sockets))

    async def drain(self) -> None:
        self._health.serving = False
        if self._server is not None:
            _close(self._server)
            self._server = None
        for peer in list(self._peers):
            peer.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._until_closed()
        for peer in list(self._peers):
            peer.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._until_closed()
        for peer in list(self._peers):
            peer.abort()

    async def _until_closed(self) -> None:
        while self._peers:
            self._gone.clear()
            await self._gone.wait()

    def _connected(self) -> Peer:
        return Peer(self._methods, self._peers.add, self._disconnected)

    def _disconnected(self, peer: Peer) -> None:
        self._peers.discard(peer)
        self._gone.set()


class Peer(asyncio.Protocol):
    """A connection."""

    def __init__(
        self,
        methods: dict[str, OpenStream],
        on_connected: Callable[[Peer], None],
        on_disconnected: Callable[[Peer], None],
    ) -> None:
        self._methods = methods
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._http2 = Connection()
        self._calls: dict[int, Call] = {}
        self._paused = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what asyncio promises
        self._transport = transport
        transport.set_write_buffer_limits(WRITE_BYTES)
        self._on_connected(self)
        self.flush()

    def data_received(self, data: bytes) -> None:
        calls = self._calls
        for event in self._http2.receive(data, monotonic()):
            if type(event) is not Data:
                self._handle(event)
            elif event.stream_id in calls:
                calls[event.stream_id].receive(event.data, event.ended)
        self.flush()

    def pause_writing(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        self._transport.resume_reading()
        self.flush()

    def connection_lost(self, _error: Exception | None) -> None:
        self._abandon_all()
        self._on_disconnected(self)

    def flush(self) -> None:
        """Write all pending bytes to the socket, until it asks to pause."""
        http2, more = self._http2, True
        while more and not self._paused:
            data = http2.data_to_send(WRITE_BYTES)
            if data:
                self._transport.write(data)
            sent = http2.take_sent()
            for stream_id in sent:
                call = self._calls.get(stream_id)
                if call is not None:
                    call.go_on()
            more = bool(sent) or http2.can_send
        if http2.failed or http2.drained:
            self._transport.close()

    def drain(self) -> None:
        """Ask the client to open no more streams, and close the connection after the last one."""
        self._http2.drain()
        self.flush()

    def close(self) -> None:
        """Close the connection. Calls that are open get an error."""
        for call in list(self._calls.values()):
            call.fail(Status.UNAVAILABLE, "the processor shuts down")
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """Close the connection without what it has to send."""
        self._transport.abort()

    def _handle(self, event: Event) -> None:
        match event:
            case Request():
                self._open(event)
            case Reset():
                call = self._calls.pop(event.stream_id, None)
                if call is not None:
                    call.abandon()
                if event.reason:
                    log.warning("stream reset: %s", event.reason)
            case Failed():
                log.warning("connection closed: %s: %s", event.code.name, event.reason)
                self._abandon_all()
            case GoingAway():
                log.debug("the client closes its connection: code=%d %r", event.code, event.reason)

    def _open(self, request: Request) -> None:
        """Begin a call, or refuse it."""
        stream_id, headers = request.stream_id, request.headers
        method = self._methods.get(headers[":path"])
        refusal = _refusal(headers, known=method is not None)
        if refusal is not None or method is None:
            self._http2.send_trailers(stream_id, refusal or b"")
            self._http2.reset(stream_id, ErrorCode.NO_ERROR)
            return
        traceparent = headers.get("traceparent")
        opening = method if traceparent is None else partial(method, traceparent=traceparent)
        call = self._calls[stream_id] = Call(self._http2, self._calls, stream_id, opening, self.flush)
        if request.ended:
            call.receive(b"", True)

    def _abandon_all(self) -> None:
        for call in list(self._calls.values()):
            call.abandon()
        self._calls.clear()


def _refusal(headers: Headers, *, known: bool) -> bytes | None:
    """Return the response to a request that is no call of ours; None if it is one.

    https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
    """
    if headers[":method"] != "POST":
        return encode(((":status", "405"),))
    if not headers.get("content-type", "").startswith("application/grpc"):
        return encode(((":status", "415"),))
    return None if known else trailers(Status.UNIMPLEMENTED, "there is no such method", alone=True)


def _bind(listen: str) -> socket.socket:
    """Return a listening socket.

    Raises:
        OSError: the address cannot be used.
    """
    path = unix_path(listen)
    if path is None:
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # Workers share a TCP port; the kernel spreads Envoy's connections.
        return socket.create_server((host, int(port)), family=family, backlog=BACKLOG, reuse_port=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(SOCKET_MODE)
    return listener


def _listens(listener: socket.socket) -> bool:
    """Return whether connections reach a listening socket: a unix socket by its file, any while it accepts."""
    try:
        accepts = bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        return accepts and (listener.family != socket.AF_UNIX or Path(listener.getsockname()).exists())
    except OSError:
        return False


def _close(server: asyncio.Server) -> None:
    """Refuse connections, so that Envoy tries another processor."""
    for listener in server.sockets:
        if listener.family == socket.AF_UNIX:
            Path(listener.getsockname()).unlink(missing_ok=True)
    server.close()
