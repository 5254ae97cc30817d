"""A request whose rule has several backends to try: Envoy opens an exchange for each attempt (`attempts`)."""

from __future__ import annotations

from msgspec.structs import replace

from aigw_extproc.config.snapshot import MODEL_HEADER
from aigw_extproc.config.traffic import Failover
from aigw_extproc.exchange.limits import attempt_limits
from aigw_extproc.exchange.messages import Delegate, Outcome, Pairs, PassHeaders, ResponseHeaders
from aigw_extproc.exchange.names import (
    ANSWERED_HEADER,
    ATTEMPTS_HEADER,
    BROKEN_HEADER,
    CLIENT_HEADER,
    CODE_HEADER,
    IDENTITY_PREFIX,
    INTERNAL_PREFIX,
    OWNER_HEADER,
    RETRY_HEADER,
)
from aigw_extproc.exchange.phases import Accepted, Delegated, Ended, Enter, Step, Transition, on
from aigw_extproc.exchange.response import LOCAL_REPLY_HEADER, local_headers, status_of
from aigw_extproc.exchange.upstream import BACKEND_HEADER
from aigw_extproc.routing import Choice

_INTERNAL = (RETRY_HEADER, BROKEN_HEADER, CODE_HEADER, ANSWERED_HEADER, LOCAL_REPLY_HEADER)


def delegate(phase: Accepted, outcome: Outcome, choice: Choice, failover: Failover, identity: Pairs) -> Step:
    """Let Envoy try the backends of a rule. Body and headers stay as they are: each attempt starts from them.

    An Envoy that is not ours may let in headers that attempts trust: the client's are removed.
    """
    set_headers = [(MODEL_HEADER, outcome.model), (BACKEND_HEADER, failover.cluster), (ATTEMPTS_HEADER, "true")]
    set_headers += attempt_limits(choice.backends[0].timeouts, failover.retry)
    set_headers += ((IDENTITY_PREFIX + name, value) for name, value in identity)
    if outcome.client:
        set_headers.append((CLIENT_HEADER, outcome.client))
    if phase.client.owner:
        set_headers.append((OWNER_HEADER, phase.client.owner))
    ours = {name for name, _ in set_headers}
    action = Delegate(
        set_headers=tuple(set_headers),
        remove_headers=tuple(name for name in phase.headers if name.startswith(INTERNAL_PREFIX) and name not in ours),
        rule=failover.cluster,
        model=outcome.model,
        client=outcome.client,
    )
    return Delegated(client=phase.client, outcome=outcome), action


def _response_headers(phase: Delegated, event: ResponseHeaders, now: float, enter: Enter) -> Step:
    if LOCAL_REPLY_HEADER in event.headers:
        return local_headers(phase, event, now, enter)
    headers = event.headers
    outcome = replace(
        phase.outcome,
        status=status_of(headers),
        code=headers.get(CODE_HEADER, ""),
        stream=headers.get("content-type", "").startswith("text/event-stream"),
    )
    action = PassHeaders(remove_headers=_INTERNAL, backend=headers.get(ANSWERED_HEADER, ""), final=True)
    return Ended(client=phase.client, outcome=outcome), action


TRANSITIONS: tuple[Transition, ...] = (on(Delegated, ResponseHeaders, _response_headers),)
