"""The gRPC service on grpc.aio.

A generic handler: the service's name is Envoy's, the messages are the subset in `proto/`.
https://grpc.github.io/grpc/python/grpc_asyncio.html
"""

from __future__ import annotations

import asyncio
from contextlib import closing

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from aigw_extproc.extproc.grpc_tls import server_credentials
from aigw_extproc.extproc.tls import ServerTls
from aigw_extproc.extproc.transport import MAX_MESSAGE_BYTES, SERVICE, SOCKET_MODE, Streams, unix_path


class GrpcServer:
    """A `Server` on gRPC's own implementation."""

    def __init__(self, streams: Streams, listen: str, *, grace: float, tls: ServerTls | None = None) -> None:
        """Bind `listen`: `unix:///absolute/path` or `HOST:PORT`, where port 0 picks a free one.

        Raises:
            OSError: the address, or a file of `tls`, cannot be used.
        """
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 1),  # workers share a TCP port; the kernel spreads Envoy's connections
            ]
        )
        handler = grpc.stream_stream_rpc_method_handler(self._process)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),))
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined] # missing in the stubs
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._streams = streams
        self._listen = listen
        self._grace = grace
        self._bind(listen, server_credentials(tls) if tls else None)

    async def _process(self, _requests: object, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        """Serve one call. `read` and `write` cost less than iterators of requests and answers."""
        writing = asyncio.Lock()  # gRPC takes one message at a time

        async def write(message: bytes) -> None:
            async with writing:
                await context.write(message)

        traceparent = dict(context.invocation_metadata() or ()).get("traceparent", "")
        with closing(self._streams.open(write, str(traceparent))) as stream:
            while not stream.over:
                message = await context.read()
                if message is grpc.aio.EOF:  # type: ignore[attr-defined] # missing in the stubs
                    return
                answer = await stream.answer(message)
                if answer:
                    await write(answer)
                del message, answer  # free them: they can be large, and the next may take minutes

    def _bind(self, listen: str, credentials: grpc.ServerCredentials | None) -> None:
        try:
            if credentials is None:
                self._server.add_insecure_port(listen)
            else:
                self._server.add_secure_port(listen, credentials)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {listen}: {error}") from None

    async def start(self) -> None:
        await self._server.start()
        path = unix_path(self._listen)
        if path is not None:
            path.chmod(SOCKET_MODE)
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    def listens(self) -> bool:
        """Of a unix socket, whether its file is there. gRPC does not tell of TCP."""
        path = unix_path(self._listen)
        return path is None or path.exists()

    async def drain(self) -> None:
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.stop(self._grace)

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in ("", SERVICE):
            await self._health.set(service, status)
