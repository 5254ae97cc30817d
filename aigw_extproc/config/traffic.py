"""How requests travel: time limits, connections, and what happens when a backend fails. Times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE_ANSWER_SECONDS = 3600.0
"""The default limit of an answer that is not streamed; it can take a model minutes, during which nothing is sent."""
TRIGGERS = frozenset({"connect-failure", "reset", "retriable-status-codes"})
STATUS_CODES = frozenset({429, 503, 529})
"""What is tried again by default: throttling, and backends that are down or overloaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """The time limits of a rule's requests; None for the default, 0 for no limit."""

    request: float | None = None
    """From the request's end to the answer's end, all attempts together. By default WHOLE_ANSWER_SECONDS, and no limit
    for a stream."""
    attempt: float | None = None
    """The limit of each attempt until its answer begins. A rule with a single attempt adds it to `request`."""
    stream_idle: float | None = None
    """Between two pieces of a stream. The default is the listener's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """The limits of connections to an upstream; None for the default."""

    connect_timeout: float | None = None
    idle_timeout: float | None = None
    max_duration: float | None = None
    max_requests: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When a request is tried again, at the same or the next priority."""

    retries: int
    """How often, after the first attempt."""
    per_priority: int = 1
    """Attempts at one priority before the next one."""
    triggers: frozenset[str] = TRIGGERS
    """https://gateway.envoyproxy.io/docs/api/extension_types/#triggerenum"""
    status_codes: frozenset[int] = STATUS_CODES
    """For the trigger `retriable-status-codes`."""
    timeout: float | None = None
    """The limit of each attempt until its answer begins; None for none."""
    back_off: tuple[float, float] = (0.01, 0.1)
    """The first interval and the longest one. Another backend need not be waited for."""

    @property
    def without_answer(self) -> bool:
        """Whether an attempt is repeated whose time is over, or whose answer breaks off before the client has any."""
        return not self.triggers.isdisjoint({"5xx", "gateway-error", "reset"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ejection:
    """When a backend that keeps failing is passed over.

    https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
    """

    errors: int = 5
    """Consecutive answers of status 5xx, or none at all; 0 to disable."""
    gateway_errors: int = 0
    """Consecutive answers of 502, 503 and 504; 0 to disable."""
    interval: float = 3.0
    base_time: float = 30.0
    """Multiplied by the number of ejections in a row."""
    max_percent: int = 100
    """Of the rule's backends. Envoy uses ejected ones again when too few are left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of what a rule has under way at once; None for the default."""

    connections: int | None = None
    pending_requests: int | None = None
    requests: int | None = None
    retries: int | None = None
    connections_per_backend: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """The attempts of a rule: Envoy chooses a backend for each, by priority and weight."""

    cluster: str
    """The Envoy cluster whose endpoints are the rule's backends."""
    hosts: tuple[str, ...]
    """The host that names each backend of the rule to the attempts' listener, in the same order."""
    retry: Retry
    ejection: Ejection | None = Ejection()
    """None if no backend is passed over."""
    limits: Limits = Limits()
