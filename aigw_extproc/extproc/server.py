"""The gRPC service: one stream per HTTP exchange, fed into an `Exchange`, drained into Envoy.

grpc.aio with a generic handler: the service's name is Envoy's, the messages are the subset in `proto/`.
https://grpc.github.io/grpc/python/grpc_asyncio.html
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from random import random
from time import monotonic, time

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from aigw_extproc import metrics
from aigw_extproc.aws.identity import Identity
from aigw_extproc.config.snapshot import AwsAuth, Upstream
from aigw_extproc.errors import CredentialsUnavailable, GatewayError, InternalError
from aigw_extproc.exchange import (
    Action,
    Chunk,
    Continue,
    CredentialsReady,
    Event,
    Exchange,
    MediaReady,
    NeedCredentials,
    NeedMedia,
    NeedUpstream,
    ReplaceBody,
    Reply,
    UpstreamCall,
    UpstreamReady,
)
from aigw_extproc.extproc import codec
from aigw_extproc.extproc.pb import ext_proc_pb2 as pb
from aigw_extproc.routing import Router
from aigw_extproc.translate.contract import Fetched, UpstreamResponse

SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
MAX_MESSAGE_BYTES = 512 * 1024 * 1024
"""A whole buffered body is one message; Envoy's own buffer limit bounds it long before."""
BATCH_SECONDS = 120
"""What Envoy is told to wait for when a request became several: a little more than they may take."""
SOCKET_MODE = 0o660
"""Who can connect can have requests signed: the owner and the group, nobody else."""

log = logging.getLogger(__name__)

_LAST = (Reply, ReplaceBody)
FindCredentials = Callable[[AwsAuth], Awaitable[Identity]]
FetchMedia = Callable[[tuple[str, ...]], Awaitable[Mapping[str, Fetched]]]
CallUpstream = Callable[[Upstream, Sequence[UpstreamCall]], Awaitable[tuple[UpstreamResponse, ...]]]


class Processor:
    """Answers ext_proc streams. `router` is asked once a stream, so that a stream keeps the rules it began with."""

    def __init__(
        self, router: Callable[[], Router], credentials: FindCredentials, media: FetchMedia, upstream: CallUpstream
    ) -> None:
        self._router = router
        self._credentials = credentials
        self._media = media
        self._upstream = upstream

    async def process(
        self,
        requests: AsyncIterator[pb.ProcessingRequest],
        context: grpc.aio.ServicerContext[pb.ProcessingRequest, bytes],
    ) -> AsyncIterator[bytes]:
        """One exchange. Ends with the last answer: Envoy need not reset the stream then."""
        exchange = Exchange(self._router(), pick=random())  # noqa: S311 - spreads load, keeps no secret
        timeline = metrics.Timeline(started=monotonic())
        with metrics.ACTIVE_EXCHANGES.track_inprogress():
            try:
                async for message in requests:
                    phase, event = codec.decode(message)
                    action = await _guarded(exchange, self._act(exchange, event)) if event else Continue()
                    if isinstance(action, NeedUpstream):
                        yield codec.more_time(BATCH_SECONDS)
                        action = await _guarded(exchange, self._call(exchange, action))
                    if isinstance(action, Chunk) and timeline.first_piece is None and action.body:
                        timeline.first_piece = monotonic()
                    yield codec.encode(phase, action)
                    if _is_final(action):
                        return
            finally:
                timeline.ended = monotonic()
                metrics.record(exchange.outcome, timeline)

    async def _act(self, exchange: Exchange, event: Event) -> Action:
        action = exchange.receive(event, now=time())
        if isinstance(action, NeedMedia):
            action = exchange.receive(MediaReady(await self._media(action.urls)), now=time())
        if isinstance(action, NeedCredentials):
            action = await self._sign(exchange, action.auth)
        return action

    async def _call(self, exchange: Exchange, needed: NeedUpstream) -> Action:
        try:
            responses = await self._upstream(needed.upstream, needed.calls)
        except GatewayError as error:
            return exchange.fail(error)
        return exchange.receive(UpstreamReady(responses), now=time())

    async def _sign(self, exchange: Exchange, auth: AwsAuth) -> Action:
        try:
            identity = await self._credentials(auth)
        except CredentialsUnavailable as error:
            metrics.SIGNING_FAILURES.labels(auth.region).inc()
            return exchange.fail(error)
        return exchange.receive(CredentialsReady(identity), now=time())


async def _guarded(exchange: Exchange, work: Awaitable[Action]) -> Action:
    try:
        return await work
    except Exception:
        # A defect of ours. Its text could hold anything, so it is for the log alone.
        metrics.DEFECTS.inc()
        log.exception("exchange failed: operation=%s", exchange.outcome.operation)
        return exchange.fail(InternalError())


def _is_final(action: Action) -> bool:
    return isinstance(action, _LAST) or (isinstance(action, (Chunk, Continue)) and action.final)


class Server:
    """The listening gRPC server with its health service.

    >>> server = Server(processor, "unix:///run/aigw/extproc.sock")  # doctest: +SKIP
    """

    def __init__(self, processor: Processor, listen: str) -> None:
        """`listen` is `unix:///absolute/path` or `HOST:PORT`; port 0 takes a free one.

        Raises:
            OSError: the address cannot be had.
        """
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 1),  # workers share a TCP port; the kernel spreads Envoy's connections
            ]
        )
        handler = grpc.stream_stream_rpc_method_handler(
            processor.process, request_deserializer=pb.ProcessingRequest.FromString
        )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),))
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined] # missing in the stubs
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.port = self._bind(listen)
        """The TCP port, or 1 for a unix socket."""

    def _bind(self, listen: str) -> int:
        try:
            return self._server.add_insecure_port(listen)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {listen}: {error}") from None

    async def start(self, listen: str) -> None:
        """Accepts streams, and says so in the health service."""
        await self._server.start()
        if listen.startswith("unix:"):
            path = listen.removeprefix("unix://").removeprefix("unix:")
            os.chmod(path, SOCKET_MODE)  # noqa: PTH101 - once, at start
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def drain(self, grace: float) -> None:
        """Takes no new streams, gives those that are open `grace` seconds to end, then closes them."""
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.stop(grace)

    async def wait_for_termination(self) -> None:
        """Returns when the server has stopped."""
        await self._server.wait_for_termination()

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in ("", SERVICE):
            await self._health.set(service, status)
