"""The state machine of one exchange."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from aigw_extproc.errors import GatewayError, InvalidRequest, InvalidUpstreamResponse
from aigw_extproc.exchange import attempts, delegation, request, response, stored
from aigw_extproc.exchange.messages import Action, Event, Outcome, ResponseBody, ResponseHeaders, UpstreamReady
from aigw_extproc.exchange.phases import (
    Answered,
    Batched,
    Forwarded,
    Opened,
    Phase,
    Step,
    Streaming,
    UnexpectedEvent,
)
from aigw_extproc.exchange.spending import abandoned
from aigw_extproc.routing import Router

_ROWS = (
    *request.TRANSITIONS,
    *response.TRANSITIONS,
    *stored.TRANSITIONS,
    *delegation.TRANSITIONS,
    *attempts.TRANSITIONS,
)
# The events that can happen in each phase, by docs/notes/envoy-ext-proc.md. Any other is a defect.
_TRANSITIONS: dict[type, dict[type, Callable[..., Step]]] = {
    phase: {event: step for source, event, step in _ROWS if source is phase} for phase in get_args(Phase)
}

_WAITING = (Forwarded, Batched, Answered)
"""Phases in which a model works, or its answer is being received."""


class Exchange:
    """One exchange: its present phase, and nothing else that changes."""

    __slots__ = ("_phase",)

    def __init__(self, router: Router, *, pick: float, keeps: bool = False) -> None:
        """`pick`, in [0, 1), chooses among weighted backends; `keeps` is true if there is a store of responses."""
        self._phase: Phase = Opened(router=router, pick=pick, keeps=keeps)

    @property
    def outcome(self) -> Outcome:
        """What is known of the exchange so far, as if it ended now."""
        phase = self._phase
        if isinstance(phase, Streaming):
            return response.stream_outcome(phase)
        return abandoned(phase.outcome) if isinstance(phase, _WAITING) else phase.outcome

    @property
    def request_id(self) -> str:
        """The id that Envoy has given the request; empty until its headers are here."""
        return self._phase.client.request_id or ""

    def receive(self, event: Event, *, now: float) -> Action:
        """Advance by one event, at `now` (seconds since 1970), and return what to do.

        Raises:
            UnexpectedEvent: the event cannot happen in the present phase.
        """
        phase = self._phase
        try:
            transition = _TRANSITIONS[type(phase)][type(event)]
        except KeyError:
            raise UnexpectedEvent(phase, event) from None
        try:
            self._phase, action = transition(phase, event, now, self._enter)
        except GatewayError as error:
            return self.fail(error)
        except RecursionError:
            return self.fail(_too_deep(event))
        return action

    def fail(self, error: GatewayError) -> Action:
        """End the exchange with an error in the client's own shape: a reply, or an event of a stream that has begun."""
        self._phase, action = response.fail(self._phase, error)
        return action

    def ping(self) -> bytes:
        """Return what keeps a streamed response open during a silence; empty where nothing does."""
        phase = self._phase
        return phase.stream.ping() if isinstance(phase, Streaming) else b""

    def _enter(self, phase: Phase) -> None:
        self._phase = phase


def _too_deep(event: Event) -> GatewayError:
    """Return the error for JSON that is nested more deeply than Python can decode, or walk through, where it was."""
    if isinstance(event, ResponseHeaders | ResponseBody | UpstreamReady):
        return InvalidUpstreamResponse("the upstream's response is nested too deeply")
    return InvalidRequest("the request body is nested too deeply")
