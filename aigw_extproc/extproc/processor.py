"""Drives one `Exchange` per stream, whatever carries the stream."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from random import random
from time import monotonic, time

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

BATCH_SECONDS = 120
"""What Envoy is told to wait for when a request became several: a little more than they may take."""

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
        self, requests: AsyncIterator[pb.ProcessingRequest], _context: object = None
    ) -> AsyncIterator[bytes]:
        """One exchange: Envoy's messages in, serialised answers out. Ends with the last answer, so that Envoy need not
        reset the stream.

        It is itself a grpc.aio handler (hence `_context`), which must be an async generator: another one around it
        would cost every message a turn.
        """
        exchange = Exchange(self._router(), pick=random())  # noqa: S311 - spreads load, keeps no secret
        timeline = metrics.Timeline(started=monotonic())
        with metrics.ACTIVE_EXCHANGES.track_inprogress():
            try:
                async for message in requests:
                    phase, event = codec.decode(message)
                    action = await self._act(exchange, event) if event else Continue()
                    if isinstance(action, NeedUpstream):
                        yield codec.more_time(BATCH_SECONDS)
                        action = await self._call(exchange, action)
                    if isinstance(action, Chunk) and timeline.first_piece is None and action.body:
                        timeline.first_piece = monotonic()
                    yield codec.encode(phase, action)
                    if _is_final(action):
                        return
            finally:
                timeline.ended = monotonic()
                metrics.record(exchange.outcome, timeline)

    async def _act(self, exchange: Exchange, event: Event) -> Action:
        try:
            action = exchange.receive(event, now=time())
            if isinstance(action, NeedMedia):
                action = exchange.receive(MediaReady(await self._media(action.urls)), now=time())
            if isinstance(action, NeedCredentials):
                action = await self._sign(exchange, action.auth)
        except Exception as defect:
            return _failed(exchange, defect)
        return action

    async def _call(self, exchange: Exchange, needed: NeedUpstream) -> Action:
        try:
            responses = await self._upstream(needed.upstream, needed.calls)
            return exchange.receive(UpstreamReady(responses), now=time())
        except GatewayError as error:
            return exchange.fail(error)
        except Exception as defect:
            return _failed(exchange, defect)

    async def _sign(self, exchange: Exchange, auth: AwsAuth) -> Action:
        try:
            identity = await self._credentials(auth)
        except CredentialsUnavailable as error:
            metrics.SIGNING_FAILURES.labels(auth.region).inc()
            return exchange.fail(error)
        return exchange.receive(CredentialsReady(identity), now=time())


def _failed(exchange: Exchange, defect: Exception) -> Action:
    """A defect of ours ends the exchange. Its text could hold anything, so it is for the log alone."""
    metrics.DEFECTS.inc()
    log.error("exchange failed: operation=%s", exchange.outcome.operation, exc_info=defect)
    return exchange.fail(InternalError())


def _is_final(action: Action) -> bool:
    return isinstance(action, _LAST) or (isinstance(action, (Chunk, Continue)) and action.final)
