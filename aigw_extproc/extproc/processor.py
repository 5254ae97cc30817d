"""Drives one `Exchange` per stream, over any transport."""

from __future__ import annotations

import logging
import sys
from asyncio import Future, ensure_future, shield, wait
from collections.abc import Callable
from random import random
from time import monotonic, time

from msgspec.structs import replace

from aigw_extproc import metrics
from aigw_extproc.aws.identity import Identity
from aigw_extproc.config.snapshot import AwsAuth
from aigw_extproc.errors import CredentialsUnavailable, GatewayError, InternalError, LimitsUnavailable, UpstreamTimeout
from aigw_extproc.exchange.limiting import settlement
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import (
    Action,
    AttemptHeaders,
    Begin,
    Chunk,
    Continue,
    CredentialsReady,
    Delegate,
    Event,
    ForwardRequest,
    Keep,
    LimitsReady,
    MediaReady,
    NeedCredentials,
    NeedLimits,
    NeedMedia,
    NeedStored,
    NeedUpstream,
    Outcome,
    PassHeaders,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    StoredReady,
    StreamResponse,
    UpstreamReady,
)
from aigw_extproc.exchange.results import result
from aigw_extproc.exchange.spending import SpentTokens, spent
from aigw_extproc.extproc import codec, metadata
from aigw_extproc.extproc.budget import Budget, content_length
from aigw_extproc.extproc.pulse import Pulse
from aigw_extproc.extproc.surroundings import (
    Allowances,
    CallUpstream,
    FetchMedia,
    FindCredentials,
    RejectCredentials,
    Store,
    Tracer,
    Watch,
)
from aigw_extproc.extproc.transport import Send
from aigw_extproc.printable import printable
from aigw_extproc.routing import Router

BATCH_SECONDS = 120
"""Envoy's timeout while a batch of requests runs: a little more than `outbound.upstream.MAX_SECONDS`."""

log = logging.getLogger(__name__)

REJECTED_CODES = frozenset(
    {"expired_token_exception", "unrecognized_client_exception", "invalid_client_token_id_exception"}
)
"""Codes of errors that new credentials may prevent: these are expired, or AWS does not know them (any more).

https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html
"""

_LAST = (Reply, ReplaceBody)
_TRACEPARENT = "traceparent"


class Processor:
    """A factory of exchanges. `router` is called once per stream, so that a stream keeps the rules it began with."""

    def __init__(
        self,
        router: Callable[[], Router],
        credentials: FindCredentials,
        media: FetchMedia,
        upstream: CallUpstream,
        reject: RejectCredentials = lambda *_: None,
        budget: Budget | None = None,
        store: Store | None = None,
        allowances: Allowances | None = None,
        watch: Watch | None = None,
        tracer: Tracer | None = None,
        trace_upstream: bool = False,
    ) -> None:
        self.router = router
        self.credentials = credentials
        self.media = media
        self.upstream = upstream
        self.reject = reject
        """Called with credentials that AWS has rejected."""
        self.budget = budget or Budget(sys.maxsize)
        self.store = store
        self.watch = watch
        """Called with every exchange at its end, and what it has spent, however it ends."""
        self.tracer = tracer
        self.trace_upstream = trace_upstream
        """Whether upstreams get the context of the trace."""
        self.allowances = allowances
        self._charging: set[Future[None]] = set()

    def settle(self, outcome: Outcome, spent: SpentTokens | None) -> Future[None] | None:
        """Charge for what an exchange has spent, whether its client stays or not; None if that is nothing."""
        charges = settlement(outcome, spent, time()) if outcome.dues or outcome.taken else ()
        if not charges or self.allowances is None:
            return None
        charging = ensure_future(self.allowances.charge(charges))
        self._charging.add(charging)
        charging.add_done_callback(self._charging.discard)
        return charging

    async def settled(self) -> None:
        """Wait until every exchange that has ended is charged for."""
        while self._charging:
            await wait(self._charging)

    def open(self, send: Send, traceparent: str = "") -> ExchangeStream:
        """Open a stream. `send` sends messages that precede an answer; `traceparent` is the call's."""
        return ExchangeStream(self, send, traceparent)


class ExchangeStream:
    """A `Stream` of one exchange: Envoy's messages in, answers out."""

    __slots__ = (
        *("_duplex", "_exchange", "_held", "_identity", "_processor"),
        *("_pulse", "_send", "_sending", "_settled", "_spent", "_timeline"),
        *("_trace", "_traced", "_traceparent", "_values", "over"),
    )

    def __init__(self, processor: Processor, send: Send, traceparent: str) -> None:
        self.over = False
        self._traceparent = traceparent
        self._trace = processor.tracer.begin(traceparent) if processor.tracer is not None else None
        self._traced = bool(traceparent) or self._trace is not None
        self._processor = processor
        self._send = send
        self._duplex = False
        self._exchange = Exchange(
            processor.router(),
            pick=random(),  # noqa: S311 - spreads load, keeps no secret
            keeps=processor.store is not None,
        )
        self._timeline = metrics.Timeline(started=monotonic())
        self._identity: tuple[AwsAuth, Identity] | None = None
        self._held = 0
        self._pulse: Pulse | None = None
        self._sending: Future[None] | None = None
        self._values = metrics.NO_VALUES
        self._spent: SpentTokens | None = None
        """What the answers say that the exchange has spent."""
        self._settled = False
        metrics.ACTIVE_EXCHANGES.inc()

    async def answer(self, message: bytes) -> bytes:
        """Return the answer to a message, empty for none yet, and set `over` with the last one."""
        phase, event = codec.decode(message)
        self._duplex = self._duplex or isinstance(event, AttemptHeaders)
        action = await self._act(event) if event else Continue()
        if self._traced:
            action = self._observed(event, action)
        start = action.start if isinstance(action, Begin) else action
        if isinstance(start, StreamResponse) and start.pings is not None:
            self._pulse = Pulse(start.pings, self._ping, self._give_up)
        if isinstance(action, Begin):
            await self._send(codec.encode("response_headers", action.start, duplex=self._duplex))
            action = action.chunk
        if isinstance(action, Chunk) and self._timeline.first_piece is None and action.body:
            self._timeline.first_piece = monotonic()
        self.over = self.over or _is_final(action)
        if self.over and self._identity is not None:
            self._report_rejection(*self._identity)
        ending = b""
        if self.over:
            ending = self._ending(action)
            await self._settle()
        if self._pulse is not None and isinstance(action, Chunk):
            self._pulse.beat(said=bool(action.body))
            return codec.unasked(action, ending)
        return codec.encode(phase, action, duplex=self._duplex, ending=ending)

    def _observed(self, event: Event | None, action: Action) -> Action:
        """Tell the trace of a message, and return a request that goes on with the trace's context.

        Attempts always have it; upstreams only where it is wanted, and otherwise not the client's either.
        """
        if self._trace is not None:
            self._trace.note(event, action)
        if not self._traceparent or not isinstance(action, (Delegate, ForwardRequest)):
            return action
        if isinstance(action, Delegate):
            return replace(action, set_headers=(*action.set_headers, (_TRACEPARENT, self._traceparent)))
        context = self._traceparent if self._trace is None else self._trace.traceparent
        if self._processor.trace_upstream:
            return replace(action, set_headers=(*action.set_headers, (_TRACEPARENT, context)))
        return replace(action, remove_headers=(*action.remove_headers, _TRACEPARENT, "tracestate"))

    def _ending(self, action: Action) -> bytes:
        """Return what Envoy is to know of the end, and of what was spent, for the last answer."""
        outcome = self._exchange.outcome
        backend = action.backend if isinstance(action, PassHeaders) else ""
        ended = metadata.ending(result(outcome, over=True), outcome.client, backend)
        self._spent = spent(outcome)
        if self._spent is None:
            return ended
        return ended + metadata.spending(self._spent, metrics.latencies(self._timeline, self._spent, monotonic()))

    def _ping(self) -> None:
        body = self._exchange.ping()
        if body:
            self._send_unasked(Chunk(body=body, final=False))

    def _give_up(self) -> None:
        """End a stream whose upstream is silent: pings keep Envoy from doing so."""
        if self.over:
            return
        error = UpstreamTimeout("the upstream fell silent in the middle of its response")
        action = self._exchange.fail(error)
        body = action.body if isinstance(action, Chunk) else b""
        self.over = True
        self._send_unasked(Chunk(body=body, final=True))

    def _send_unasked(self, chunk: Chunk) -> None:
        """Send a chunk, unless an earlier one is still on its way to a client that reads slowly."""
        if chunk.final or self._sending is None or self._sending.done():
            ending = self._ending(chunk) if chunk.final else b""
            self._sending = ensure_future(self._send(codec.unasked(chunk, ending)))
            self._sending.add_done_callback(_note_failure)

    async def _settle(self) -> None:
        """Charge for the exchange before its client gets the end of the answer, so that its next request is refused."""
        self._settled = True
        charging = self._processor.settle(self._exchange.outcome, self._spent)
        if charging is not None:
            await shield(charging)

    def close(self) -> None:
        """Record the exchange at the end of its stream."""
        self._release()
        if self._pulse is not None:
            self._pulse.stop()
        metrics.ACTIVE_EXCHANGES.dec()
        self._timeline.ended = monotonic()
        outcome = self._exchange.outcome
        metrics.record(outcome, self._timeline, over=self.over, values=self._values)
        if self._trace is not None:
            self._trace.end(outcome, self._timeline, over=self.over)
        left = not self.over
        found = spent(outcome) if left else self._spent
        if not self._settled:
            self._processor.settle(outcome, found)
        if found is not None:
            self._count_spending(found, left=left)
        if self._processor.watch is not None:
            self._processor.watch(self._exchange, self._timeline, found)

    def _count_spending(self, spent: SpentTokens, *, left: bool) -> None:
        """Count what was spent. When the client has left, Envoy takes no metadata: only this log has it."""
        metrics.record_spending(spent)
        if left:
            log.info("exchange broken off: %s", _line(spent))
        for key, fault in spent.faults.items():
            log.warning("cost not evaluated, so it is 0: key=%s route=%s reason=%s", key, spent.route, fault)

    async def _act(self, event: Event) -> Action:
        exchange = self._exchange
        try:
            if isinstance(event, RequestBody):
                self._hold(len(event.body))
            action = exchange.receive(event, now=time())
            if isinstance(event, (RequestHeaders, AttemptHeaders)) and isinstance(action, (Continue, NeedLimits)):
                self._hold(content_length(event.headers))
                if metrics.HEADERS:
                    self._values = tuple(event.headers.get(name, "") for name in metrics.HEADERS.values())
            return await self._provide(action)
        except GatewayError as error:
            return exchange.fail(error)
        except Exception as defect:
            return self._failed(defect)
        finally:
            if isinstance(event, RequestBody):
                self._release()

    async def _provide(self, action: Action) -> Action:
        """Do what the exchange asks for, one after the other, and return what is for Envoy."""
        exchange, processor = self._exchange, self._processor
        if isinstance(action, NeedLimits):
            action = await self._count(action)
        if isinstance(action, NeedStored) and processor.store is not None:
            action = exchange.receive(StoredReady(await ensure_future(processor.store.look_up(action))), now=time())
        if isinstance(action, NeedMedia):
            fetched = await ensure_future(processor.media(action.urls, action.hosts))
            action = exchange.receive(MediaReady(fetched), now=time())
        if isinstance(action, NeedCredentials):
            action = await self._sign(action.auth)
        if isinstance(action, NeedUpstream):
            action = await self._call(action)
        if isinstance(action, Keep) and processor.store is not None:
            await ensure_future(processor.store.keep(action))
            action = action.then
        return action

    async def _count(self, needed: NeedLimits) -> Action:
        allowances = self._processor.allowances
        if allowances is None:
            raise LimitsUnavailable
        verdict = await allowances.take(needed)
        return self._exchange.receive(LimitsReady(needed, verdict), now=time())

    def _hold(self, size: int) -> None:
        """Take the budget for the request's body, from its headers until it is answered.

        Raises:
            Overloaded: there is not enough left.
        """
        if size > self._held:
            self._processor.budget.take(size - self._held)
            self._held = size

    def _release(self) -> None:
        self._processor.budget.give_back(self._held)
        self._held = 0

    async def _sign(self, auth: AwsAuth) -> Action:
        try:
            identity = await self._processor.credentials(auth)
        except CredentialsUnavailable:
            metrics.SIGNING_FAILURES.labels(auth.region).inc()
            raise
        self._identity = (auth, identity)
        return self._exchange.receive(CredentialsReady(identity), now=time())

    async def _call(self, needed: NeedUpstream) -> Action:
        await self._send(codec.more_time(BATCH_SECONDS))
        responses = await ensure_future(self._processor.upstream(needed.upstream, needed.calls))
        return self._exchange.receive(UpstreamReady(responses), now=time())

    def _report_rejection(self, auth: AwsAuth, identity: Identity) -> None:
        error = self._exchange.outcome.error
        if error is not None and error.code in REJECTED_CODES:
            self._processor.reject(auth, identity)

    def _failed(self, defect: Exception) -> Action:
        """Fail the exchange for an unexpected error. Its text goes to the log only: it could hold anything."""
        metrics.DEFECTS.inc()
        log.error("exchange failed: operation=%s", self._exchange.outcome.operation, exc_info=defect)
        return self._exchange.fail(InternalError())


def _line(spent: SpentTokens) -> str:
    """Return what was spent as a line of the log."""
    names = {"client": spent.client, "model": spent.model, "backend": spent.backend}
    counts = {"input_tokens": spent.counts.input_tokens, "output_tokens": spent.counts.output_tokens}
    cost = {} if spent.cost is None else {"cost_microdollars": spent.cost}
    fields = {**names, **counts, "estimated": str(spent.estimated).lower(), **cost}
    return printable(" ".join(f"{name}={value}" for name, value in fields.items()))


def _note_failure(sending: Future[None]) -> None:
    """Log why a chunk could not be sent: Envoy has gone, most likely, and nobody waits for it."""
    if not sending.cancelled() and (error := sending.exception()) is not None:
        log.debug("a ping could not be sent: %s", error)


def _is_final(action: Action) -> bool:
    return isinstance(action, _LAST) or (isinstance(action, (Chunk, Continue, PassHeaders)) and action.final)
