"""The gRPC service on h2corn, an HTTP/2 server in Rust. Calls are ASGI requests; this module does gRPC's framing.

https://h2corn.monicz.dev/grpc/
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import h2corn
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from aigw_extproc.extproc.framing import FramingError, MessageDecoder, frame
from aigw_extproc.extproc.tls import ServerTls
from aigw_extproc.extproc.transport import MAX_MESSAGE_BYTES, SERVICE, SOCKET_MODE, Streams, unix_path

log = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that may wait to be accepted."""

AsgiReceive = Callable[[], Awaitable[Any]]
AsgiSend = Callable[[Any], Awaitable[None]]
_End = tuple[bytes, bytes]
"""A call's status and its last message, framed. Sending both together saves an iteration of the event loop."""

# https://grpc.io/docs/guides/status-codes/
_OK, _INVALID_ARGUMENT, _NOT_FOUND, _UNIMPLEMENTED = b"0", b"3", b"5", b"12"

_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/grpc")],
    "trailers": True,
}


class H2cornServer:
    """A `Server` on h2corn."""

    def __init__(self, streams: Streams, listen: str, *, grace: float, tls: ServerTls | None = None) -> None:
        """Create a server, which binds `listen` in `start()`.

        Raises:
            OSError: a file of `tls` cannot be used.
        """
        self._calls = _Calls(streams)
        self._listen = listen
        self._options: dict[str, Any] = _tls(tls) if tls else {}
        self._grace = grace
        self._listener: socket.socket | None = None
        self._server: h2corn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    def _create(self, listener: socket.socket) -> h2corn.Server:
        config = h2corn.Config(
            bind=(f"fd://{listener.fileno()}",),
            runtime_threads=1,  # enough: Python's thread has twice its work
            grpc=True,
            http1=False,
            lifespan="off",
            access_log=False,
            server_header="off",
            date_header=False,
            proxy_headers=False,
            max_concurrent_streams=2**31 - 1,
            max_request_body_size=0,
            timeout_request_body_idle=0,
            h2_timeout_response_stall=0,
            timeout_keep_alive=0,
            timeout_graceful_shutdown=self._grace,
            **self._options,
        )
        return h2corn.Server(self._calls, config)

    async def start(self) -> None:
        try:
            self._listener = _bind(self._listen)
            self._server = self._create(self._listener)
            with _banner_on_stderr():
                self._serving = asyncio.ensure_future(self._server.serve())
                await self._server.wait_started()
        except OSError as error:
            raise OSError(f"cannot listen on {self._listen}: {error}") from None
        self._calls.serving = True

    async def drain(self) -> None:
        self._calls.serving = False
        if self._server is not None:
            self._server.shutdown()
        if self._listener is not None:
            _refuse(self._listener)
            self._listener = None
        if self._serving is not None:
            # Never cancelled: h2corn would wait for its native part on a closed loop. It enforces the grace itself.
            await self._serving


def _bind(listen: str) -> socket.socket:
    """Return a listening socket that we can close.

    h2corn keeps its own socket open while it drains: the kernel would accept connections that are never served.

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
    listener.listen(BACKLOG)
    return listener


def _refuse(listener: socket.socket) -> None:
    """Refuse connections, although h2corn holds the socket too, so that Envoy tries another processor."""
    listener.shutdown(socket.SHUT_RD)
    if listener.family == socket.AF_UNIX:
        Path(listener.getsockname()).unlink(missing_ok=True)
    listener.close()


def _tls(tls: ServerTls) -> dict[str, Any]:
    tls.validate()
    client = {"ca_certs": str(tls.client_ca), "cert_reqs": "required"} if tls.client_ca else {}
    return {"certfile": str(tls.certificate), "keyfile": str(tls.key), **client}


@contextlib.contextmanager
def _banner_on_stderr() -> Iterator[None]:
    """Send h2corn's banner to standard error: `serve` writes only its ready line to standard output."""
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


class _Calls:
    """The ASGI application, with a method for each gRPC method."""

    def __init__(self, streams: Streams) -> None:
        self.serving = False
        self._streams = streams
        self._methods: dict[str, Callable[[AsgiReceive, AsgiSend], Awaitable[_End]]] = {
            f"/{SERVICE}/Process": self._process,
            "/grpc.health.v1.Health/Check": self._check,
        }

    async def __call__(self, scope: Any, receive: AsgiReceive, send: AsgiSend) -> None:
        await send(_START)
        method = self._methods.get(scope["path"])
        try:
            status, last = await method(receive, send) if method else (_UNIMPLEMENTED, b"")
        except (FramingError, DecodeError) as error:
            log.warning("call refused: %s", error)
            status, last = _INVALID_ARGUMENT, b""
        await send({"type": "http.response.body", "body": last, "more_body": False})
        await send({"type": "http.response.trailers", "headers": [(b"grpc-status", status)]})

    async def _process(self, receive: AsgiReceive, send: AsgiSend) -> _End:
        messages = _Messages(receive)

        async def send_message(answer: bytes) -> None:
            await send({"type": "http.response.body", "body": frame(answer), "more_body": True})

        with closing(self._streams.open(send_message)) as stream:
            while (message := await messages.next()) is not None:
                answer = await stream.answer(message)
                if stream.over:
                    return _OK, frame(answer)
                if answer:
                    await send_message(answer)
                del message, answer  # free them: they can be large, and the next message may take minutes
        return _OK, b""

    async def _check(self, receive: AsgiReceive, send: AsgiSend) -> _End:
        """Report the health: https://github.com/grpc/grpc/blob/master/doc/health-checking.md"""
        message = await _Messages(receive).next()
        if message is None:
            return _INVALID_ARGUMENT, b""
        if health_pb2.HealthCheckRequest.FromString(message).service not in {"", SERVICE}:
            return _NOT_FOUND, b""
        response = health_pb2.HealthCheckResponse
        answer = response(status=response.SERVING if self.serving else response.NOT_SERVING)
        return _OK, frame(answer.SerializeToString())


class _Messages:
    """The messages of a call. An async generator would cost the loop a task when it is left early."""

    __slots__ = ("_decoder", "_ended", "_receive")

    def __init__(self, receive: AsgiReceive) -> None:
        self._receive = receive
        self._decoder = MessageDecoder(MAX_MESSAGE_BYTES)
        self._ended = False

    async def next(self) -> bytes | None:
        """Return the next message, or None at the end of the call or of its connection."""
        while (message := self._decoder.next_message()) is None:
            if self._ended:
                return None
            event = await self._receive()
            if event["type"] != "http.request":
                return None
            # Either may be missing: https://asgi.readthedocs.io/en/latest/specs/www.html#request-receive-event
            self._decoder.feed(event.get("body", b""))
            self._ended = not event.get("more_body", False)
        return message
