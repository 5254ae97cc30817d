"""What a processor asks of its surroundings: credentials, images, the store, limits, traces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from aigw_extproc import metrics
from aigw_extproc.aws.identity import Identity
from aigw_extproc.config.snapshot import AwsAuth, Upstream
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import Action, Event, Keep, NeedLimits, NeedStored, Outcome, UpstreamCall
from aigw_extproc.exchange.spending import SpentTokens
from aigw_extproc.limits.counting import Charge, Verdict
from aigw_extproc.translate.contract import Fetched, Stored, UpstreamResponse

FindCredentials = Callable[[AwsAuth], Awaitable[Identity]]
FetchMedia = Callable[[tuple[str, ...], tuple[str, ...]], Awaitable[Mapping[str, Fetched]]]
RejectCredentials = Callable[[AwsAuth, Identity], None]
Watch = Callable[[Exchange, metrics.Timeline, SpentTokens | None], None]
CallUpstream = Callable[[Upstream, Sequence[UpstreamCall]], Awaitable[tuple[UpstreamResponse, ...]]]


class Store(Protocol):
    """The responses that the gateway keeps."""

    async def look_up(self, needed: NeedStored) -> Stored:
        """Return the responses that an exchange needs. Raises StoreUnavailable."""
        ...

    async def keep(self, wanted: Keep) -> None:
        """Store a response; a failure is the store's own matter."""
        ...


class Trace(Protocol):
    """Observes one exchange for its span."""

    @property
    def traceparent(self) -> str:
        """The span's context, for upstreams."""
        ...

    def note(self, event: Event | None, action: Action) -> None:
        """Take a message of Envoy's, and what was done with it."""
        ...

    def end(self, outcome: Outcome, timeline: metrics.Timeline, *, over: bool) -> None:
        """Finish the span."""
        ...


class Tracer(Protocol):
    """Begins the spans of exchanges."""

    def begin(self, parent: str) -> Trace | None:
        """Return what observes an exchange, below the `traceparent` of its call; None if it is not recorded."""
        ...


class Allowances(Protocol):
    """What clients may use, by the limits of the configuration."""

    async def take(self, needed: NeedLimits) -> Verdict | None:
        """Take what a request needs, or nothing. Raises LimitsUnavailable."""
        ...

    async def charge(self, charges: Sequence[Charge]) -> None:
        """Charge for a response; a failure is the ledger's own matter."""
        ...
