"""The last exchanges, in memory: who asked for which model, who answered, and how it ended. No content is kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import Outcome
from aigw_extproc.exchange.spending import SpentTokens

if TYPE_CHECKING:  # a process that supervises workers has no metrics of its own
    from aigw_extproc.metrics import Timeline

MAX_RECORDS: Final = 200
"""Of each worker, and on the page."""
MAX_NAME: Final = 200
"""Characters of a name that a client has chosen; the rest of a longer one is cut."""
MAX_DROPPED: Final = 10


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange that has ended: a request, or one attempt at answering it."""

    started: float
    """Seconds since 1970."""
    seconds: float
    first_piece: float | None
    """Seconds until the first piece of a stream; None without."""
    request_id: str
    attempt: bool
    operation: str
    client: str
    model: str
    request_model: str
    backend: str
    """`namespace/name`; empty if none was asked."""
    stream: bool
    status: int
    """0 if the client went away before there was one."""
    code: str
    """Of the error; empty without one."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost: int | None = None
    """In micro-dollars; None if no price is known."""
    estimated: bool = False
    """Whether tokens and cost are partly an estimate."""
    dropped: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """`ok`, or why not."""
        return self.code or ("ok" if self.status in range(200, 300) else "disconnected")

    @property
    def failed(self) -> bool:
        """Whether the client has got no complete answer."""
        return self.outcome != "ok"


class Exchanged(msgspec.Struct, frozen=True, kw_only=True):
    """A request with its attempts, in the order in which they began."""

    request: Record
    attempts: tuple[Record, ...] = ()


class Recorder:
    """The last exchanges of this process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` returns seconds since 1970."""
        self._clock = clock
        self._records: deque[Record] = deque(maxlen=MAX_RECORDS)
        self.count = 0
        """All exchanges since the start; it tells whether there are new ones."""

    def record(self, exchange: Exchange, timeline: Timeline, spent: SpentTokens | None) -> None:
        """Keep an exchange that has ended, and what it has spent."""
        self.count += 1
        self._records.append(_record(exchange.outcome, exchange.request_id, timeline, spent, self._clock()))

    @property
    def records(self) -> tuple[Record, ...]:
        """The exchanges, oldest first."""
        return tuple(self._records)


def _record(outcome: Outcome, request_id: str, timeline: Timeline, spent: SpentTokens | None, now: float) -> Record:
    ended = timeline.ended or timeline.started
    first = timeline.first_piece
    usage, error = spent.counts if spent is not None else None, outcome.error
    return Record(
        started=now - (ended - timeline.started),
        seconds=ended - timeline.started,
        first_piece=first - timeline.started if first is not None and outcome.stream else None,
        request_id=request_id[:MAX_NAME],
        attempt=outcome.attempt is not None,
        operation=outcome.operation,
        client=outcome.client[:MAX_NAME],
        model=outcome.model[:MAX_NAME],
        request_model=outcome.request_model[:MAX_NAME],
        backend=outcome.backend.service if outcome.backend is not None else "",
        stream=outcome.stream,
        status=outcome.status,
        code=((error.code or error.type) if error is not None else outcome.code)[:MAX_NAME],
        input_tokens=usage.input_tokens if usage is not None else None,
        output_tokens=usage.output_tokens if usage is not None else None,
        cached_tokens=usage.cached_input_tokens if usage is not None else None,
        cost=spent.cost if spent is not None else None,
        estimated=spent is not None and spent.estimated,
        dropped=tuple(name[:MAX_NAME] for name in outcome.dropped[:MAX_DROPPED]),
    )


def exchanges(records: Iterable[Record]) -> list[Exchanged]:
    """Return the last requests, newest first, each with its attempts: they are exchanges of their own."""
    ordered = sorted(records, key=lambda record: record.started)
    attempts: dict[str, list[Record]] = {}
    for record in ordered:
        if record.attempt:
            attempts.setdefault(record.request_id, []).append(record)
    requests = [record for record in ordered if not record.attempt][-MAX_RECORDS:]
    return [_exchanged(request, attempts.get(request.request_id, ())) for request in reversed(requests)]


def _total(attempts: Iterable[Record]) -> int | None:
    """Return what all attempts have cost, as far as it is known."""
    costs = [attempt.cost for attempt in attempts if attempt.cost is not None]
    return sum(costs) if costs else None


def _exchanged(request: Record, attempts: Sequence[Record]) -> Exchanged:
    """Return a request with what only its attempts know: the tokens, and who has answered."""
    if not attempts:
        return Exchanged(request=request)
    last = attempts[-1]
    known = replace(
        request,
        backend=last.backend,
        request_model=last.request_model,
        stream=last.stream,
        first_piece=last.first_piece,
        input_tokens=last.input_tokens,
        output_tokens=last.output_tokens,
        cached_tokens=last.cached_tokens,
        cost=_total(attempts),
        estimated=any(attempt.estimated for attempt in attempts),
        dropped=last.dropped,
        code=request.code or (last.code if last.failed else ""),
    )
    return Exchanged(request=known, attempts=tuple(attempts))
