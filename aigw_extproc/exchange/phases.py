"""The phases of an exchange, as frozen values: each holds what is known in it, and no more.

    Opened ── Accepted ── (Limiting) ── Parsed ── Translated ──┬── Forwarded ──┬── Answered ──┬── Streaming ── Ended
                                                 └── Batched ────┘              └── Ended
    Opened, Accepted, Forwarded ── LocalReply ── Ended
    Opened ── Retrieving ── Ended

Of a rule with failover, the request and each attempt are an exchange:

    Opened ── Accepted ── Delegated ──┬── Ended
                                      └── LocalReply ── Ended
    Opened ── Attempting ── Parsed ── Translated ──┬── Sent ──┬── Held ──┬── Streaming ── Ended
                                                   │          │          └── Ended
                                                   │          └── PassedOn ── Ended
                                                   └── Batched ── Ended

An error ends any phase but Streaming, in which it becomes the last event of the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from aigw_extproc.callers import ANONYMOUS, Caller
from aigw_extproc.config.snapshot import Backend
from aigw_extproc.exchange.messages import Action, Event, Headers, Outcome, Pairs
from aigw_extproc.openai.errors import render as openai_error
from aigw_extproc.routing import Choice, Router
from aigw_extproc.translate.contract import Answer, BatchAnswer, ResponseStream, Stored, UpstreamRequest
from aigw_extproc.translate.registry import Endpoint, ParsedRequest, RenderError


class Client(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What later phases need of the request headers."""

    request_id: str | None = None
    """`x-request-id`."""
    render_error: RenderError = openai_error
    owner: str = ""
    """Whose stored responses it may use; empty for all clients that are not known."""


class _Phase(msgspec.Struct, frozen=True, kw_only=True):
    client: Client = Client()
    outcome: Outcome = Outcome()
    """What is known of it so far."""


class Opened(_Phase, frozen=True, kw_only=True):
    """No request headers yet, or none with the path of an endpoint."""

    router: Router
    pick: float
    keeps: bool = False
    """Whether there is a store of responses."""


class Accepted(_Phase, frozen=True, kw_only=True):
    """The path is an endpoint's; the request body comes next."""

    router: Router
    pick: float
    endpoint: Endpoint
    headers: Headers
    caller: Caller = ANONYMOUS
    keeps: bool = False
    """As in Opened."""


class Retrieving(_Phase, frozen=True, kw_only=True):
    """The request is for a stored response, which is being looked up."""

    response_id: str
    delete: bool


class Parsed(_Phase, frozen=True, kw_only=True):
    """The backend is selected, and the body valid. Translating it may need media first."""

    headers: Headers
    backend: Backend
    request: ParsedRequest
    identity: Pairs = ()
    """The header that names the client to the upstream."""
    keeps: bool = False
    """As in Opened."""
    stored: Stored | None = None
    """What the store has said."""


class Translated(_Phase, frozen=True, kw_only=True):
    """The request is ready but for the signature, which may need credentials first."""

    headers: Headers
    backend: Backend
    request: UpstreamRequest
    identity: Pairs = ()
    """As in Parsed."""


class Attempting(_Phase, frozen=True, kw_only=True):
    """An attempt at one backend of a rule; the request body comes next."""

    endpoint: Endpoint
    headers: Headers
    backend: Backend
    identity: Pairs = ()
    """As in Parsed."""
    keeps: bool = False
    """As in Opened."""


class Limiting(_Phase, frozen=True, kw_only=True):
    """The rule is known, and the body here. What clients may use of the rule, or of the backend, is being looked up."""

    before: Accepted | Attempting
    body: bytes
    identity: Pairs = ()
    """As in Parsed."""
    choice: Choice | None = None
    """The rule, if Envoy is to choose its backend."""


# An answer can take minutes, and a request can be large: from here on neither its body nor its headers are kept.


class Forwarded(_Phase, frozen=True, kw_only=True):
    """Envoy sends the request upstream."""

    answer: Answer
    accept: str
    """The media type of a streamed answer."""
    may_pause: bool = False
    """Whether a streamed answer may be silent for long."""


class Delegated(_Phase, frozen=True, kw_only=True):
    """Envoy tries the rule's backends; each attempt is an exchange of its own."""


class Sent(Forwarded, frozen=True, kw_only=True):
    """Forwarded, as one attempt: the answer waits until it is known whether there is another."""


class Batched(_Phase, frozen=True, kw_only=True):
    """The gateway sends the request upstream itself, as several."""

    answer: BatchAnswer


class Answered(_Phase, frozen=True, kw_only=True):
    """The status and headers of the upstream's answer are here; the body comes next."""

    answer: Answer
    headers: Mapping[str, str]
    may_pause: bool = False
    """As in Forwarded."""


class Held(Answered, frozen=True, kw_only=True):
    """Answered, in an attempt: neither headers nor body have been passed on."""

    accept: str
    received: tuple[bytes, ...] = ()
    """The pieces of a whole answer."""
    stream: ResponseStream | None = None
    """A stream that nothing has come from yet."""


class Streaming(_Phase, frozen=True, kw_only=True):
    """The client has the response headers, and gets the body in chunks."""

    stream: ResponseStream
    kept: bool = False
    """Whether the response has been given to the store."""


class LocalReply(_Phase, frozen=True, kw_only=True):
    """Envoy answers by itself (413, 503, 504…), and its body passes unchanged."""


class PassedOn(_Phase, frozen=True, kw_only=True):
    """As LocalReply, in an attempt."""


class Ended(_Phase, frozen=True, kw_only=True):
    """The answer is complete."""


Phase = (
    Opened
    | Accepted
    | Attempting
    | Limiting
    | Parsed
    | Translated
    | Forwarded
    | Delegated
    | Sent
    | Batched
    | Answered
    | Held
    | Streaming
    | LocalReply
    | PassedOn
    | Retrieving
    | Ended
)
Step = tuple[Phase, Action]
Enter = Callable[[Phase], None]
"""Enters a phase on the way to the next one: a failure after that is reported with all that this phase knows."""
P = TypeVar("P", bound=Phase)
E = TypeVar("E", bound=Event)
Transition = tuple[type, type, Callable[..., Step]]


def on(phase: type[P], event: type[E], transition: Callable[[P, E, float, Enter], Step]) -> Transition:
    """Return a row of a table of transitions, its types checked. A transition also takes the time, and `Enter`."""
    return phase, event, transition


class UnexpectedEvent(Exception):
    """An event that cannot happen in the present phase: a defect. The text is for the log."""

    def __init__(self, phase: Phase, event: Event) -> None:
        super().__init__(f"{type(event).__name__} received while the exchange is {type(phase).__name__}")
