"""The report on one request, as values that become JSON. None has a secret."""

from __future__ import annotations

import msgspec


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a rule applies to the request."""

    rule: str
    """`namespace/route/rule/i`."""
    chosen: bool
    reason: str


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One difference between the client's request and the one that goes out."""

    kind: str
    """`dropped`, `aliased` or `repaired`."""
    place: str
    """The path of the field in the client's request; for some parameters without the numbers of elements."""
    reason: str
    before: str = ""
    after: str = ""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A header that is set."""

    name: str
    value: str
    """`(hidden)` for all that could be a secret."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it leaves Envoy."""

    method: str
    host: str
    path: str
    headers: tuple[Header, ...]
    body: msgspec.Raw
    """JSON, byte for byte."""
    bytes: int


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What authorises the request, without any secret."""

    kind: str
    """`SigV4`, `API key` or `none`."""
    reason: str
    source: str = ""
    """Where the credentials come from."""
    host: str = ""
    region: str = ""
    service: str = ""
    signed_headers: tuple[str, ...] = ()


class EnvoyRoute(msgspec.Struct, frozen=True, kw_only=True):
    """Where Envoy sends the request, and how long it waits."""

    cluster: str
    route: str
    """What selects the route in Envoy's configuration."""
    addresses: tuple[str, ...]
    tls: str
    """The name that the certificate must have; empty for plain text."""
    http2: bool
    limits: tuple[str, ...]
    """Time limits, in words."""


class PriceEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What the request would cost, by its length."""

    prompt_tokens: int
    """A quarter of the characters of its text."""
    prompt_cost: float
    """In dollars, without what a cache would save."""
    input: float
    """Dollars per million tokens."""
    output: float
    """Dollars per million tokens."""
    source: str
    """Where the price is from, and of when."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An answer without an upstream: an error, or one that the gateway gives by itself."""

    status: int
    message: str
    code: str = ""
    param: str = ""
    body: msgspec.Raw = msgspec.Raw(b"null")
    """The client's error, byte for byte."""
    next_step: str = ""


class BackendReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one backend of the rule would get."""

    name: str
    schema: str
    model: str
    """The id that it is asked for."""
    priority: int
    share: float
    """The share of requests, of those at the same priority, in percent."""
    refusal: Refusal | None = None
    requests: tuple[Outgoing, ...] = ()
    """More than one for a request that is larger than the backend takes at once."""
    removed_headers: tuple[str, ...] = ()
    """The client's headers that do not go out."""
    signature: Signature | None = None
    envoy: EnvoyRoute | None = None
    price: PriceEstimate | None = None
    """None if no price is known, or nothing is charged."""
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    """What depends on something that was not asked: images at URLs, stored responses."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole report."""

    method: str
    path: str
    endpoint: str
    """As in metrics; empty for a path that is no endpoint."""
    model: str
    client: str
    """The client's id; empty if it is not known."""
    stream: bool
    bytes: int
    limit: int
    """The largest body that this gateway accepts, in bytes."""
    verdicts: tuple[Verdict, ...] = ()
    failover: str = ""
    """When another backend is tried; empty for a rule with a single attempt."""
    backends: tuple[BackendReport, ...] = ()
    """In the order in which they are tried, or by weight."""
    refusal: Refusal | None = None
    admitted: bool = True
    """Whether the client may use the rule. If not, `refusal` says why, and the rest is for a client that may."""
    notes: tuple[str, ...] = ()

    @property
    def served(self) -> bool:
        """Whether the request is served, by some backend or by the gateway itself."""
        if self.refusal is not None:
            return self.refusal.status < 300
        return any(backend.refusal is None for backend in self.backends)


def to_json(explanation: Explanation) -> bytes:
    """Return the report as one JSON object. Bodies in it are as they would be sent, byte for byte."""
    return msgspec.json.encode(explanation)
