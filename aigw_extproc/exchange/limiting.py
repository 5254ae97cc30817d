"""Limits of use in an exchange: what is asked before a request is sent, and what is charged at its end.

Limits that need nothing of the body are asked for before it is read, the others when its rule is known, those of a
backend for each attempt at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from aigw_extproc.anthropic.errors import render as anthropic_error
from aigw_extproc.callers import Caller, address_of
from aigw_extproc.config.limits import TOTAL_TOKENS, Limit
from aigw_extproc.config.snapshot import MODEL_HEADER
from aigw_extproc.errors import FilterMissing, LimitExceeded, LimitsUnavailable
from aigw_extproc.exchange.admission import identified_headers
from aigw_extproc.exchange.messages import Headers, LimitsReady, NeedLimits, Outcome, Pairs
from aigw_extproc.exchange.names import DUES_HEADER, QUOTAS_HEADER
from aigw_extproc.exchange.phases import Client
from aigw_extproc.limits.counting import SHADOW, Charge, Due, Hit, key_of
from aigw_extproc.limits.matching import Address, counter_of
from aigw_extproc.limits.refusal import refusal
from aigw_extproc.limits.windows import window
from aigw_extproc.routing import Choice, Router

_DUES: Final = msgspec.json.Decoder(tuple[Due, ...])
_QUOTAS: Final = msgspec.json.Decoder(dict[str, list[str | None]])


def needed_limits(
    limits: Iterable[Limit], router: Router, caller: Caller, headers: Headers, now: float, *, model: str | None = None
) -> NeedLimits | None:
    """Return what to ask the ledger about a request; None if no limit applies to it.

    Raises:
        FilterMissing: a limit depends on the client's address, and Envoy does not say what it is.
    """
    counted = _counters(tuple(limits), router, caller, headers, model)
    return _asked(((limit, counter) for limit, counter in counted if counter is not None), now)


def attempt_limits(limits: tuple[Limit, ...], backend: str, headers: Headers, now: float) -> NeedLimits | None:
    """Return what to ask the ledger about an attempt at a backend with quotas; None if none applies.

    Raises:
        LimitsUnavailable: the request was accepted with other quotas than these.
    """
    known = _QUOTAS.decode(headers.get(QUOTAS_HEADER, "{}")).get(backend, [])
    if len(known) != len(limits):
        raise LimitsUnavailable
    paired = zip(limits, known, strict=True)
    return _asked(((limit, counter) for limit, counter in paired if counter is not None), now)


def quotas_header(router: Router, caller: Caller, headers: Headers, choice: Choice, model: str) -> Pairs:
    """Return the header that tells attempts the counters of their backend's quotas: nothing if there are none."""
    quotas = {backend.name: backend.quotas.of(router.listed.id_of(backend, model)) for backend in choice.backends}
    known = {
        name: [counter for _, counter in _counters(limits, router, caller, headers, model)]
        for name, limits in quotas.items()
        if limits
    }
    return ((QUOTAS_HEADER, msgspec.json.encode(known).decode()),) if known else ()


def _counters(
    limits: tuple[Limit, ...], router: Router, caller: Caller, headers: Headers, model: str | None
) -> Iterator[tuple[Limit, str | None]]:
    address: Address | None = None
    if any(limit.needs_address for limit in limits):
        address = address_of(caller.verified)
        if address is None:
            raise FilterMissing("does not set the client's address")
    seen = dict(identified_headers(router, caller, headers))
    if model is not None:
        seen[MODEL_HEADER] = model
    for limit in limits:
        yield limit, counter_of(limit, seen, router.callers.identity, address)


def _asked(counted: Iterable[tuple[Limit, str]], now: float) -> NeedLimits | None:
    applying = tuple(counted)
    if not applying:
        return None
    groups: dict[str, int] = {}
    hits = tuple(_hit(limit, counter, now, groups) for limit, counter in applying)
    dues = tuple(
        Due(counter, limit.unit, limit.response_cost) for limit, counter in applying if limit.response_cost != 0
    )
    return NeedLimits(hits=hits, limits=tuple(limit for limit, _ in applying), dues=dues)


def _hit(limit: Limit, counter: str, now: float, groups: dict[str, int]) -> Hit:
    start, end = window(limit.unit, now)
    group = SHADOW if limit.shadow else groups.setdefault(limit.either or counter, len(groups))
    return Hit(key_of(counter, start), end, limit.limit, limit.request_cost, group)


def admitted(outcome: Outcome, client: Client, event: LimitsReady, now: float) -> Outcome:
    """Return the outcome of a request that its limits let pass.

    Raises:
        LimitExceeded: they do not.
    """
    needed, verdict = event.needed, event.verdict
    if verdict is None:
        return replace(outcome, dues=(*outcome.dues, *needed.dues))
    if verdict.refused:
        anthropic = client.render_error is anthropic_error
        raise refusal(needed.hits, needed.limits, verdict.used, now=now, anthropic=anthropic)
    taken = tuple(hit for hit in needed.hits if hit.amount)
    return replace(outcome, taken=(*outcome.taken, *taken), dues=(*outcome.dues, *needed.dues))


def settlement(outcome: Outcome, now: float) -> tuple[Charge, ...]:
    """Return what to charge at the end of an exchange: what the response has cost.

    A request that a limit refuses takes nothing: what other limits have counted before is given back.
    """
    if isinstance(outcome.error, LimitExceeded):
        return tuple(Charge(hit.key, hit.end, -hit.amount) for hit in outcome.taken)
    costs = _costs(outcome)
    charges = []
    for due in outcome.dues:
        amount = costs.get(due.cost, 0) if isinstance(due.cost, str) else due.cost
        if amount:
            start, end = window(due.unit, now)
            charges.append(Charge(key_of(due.counter, start), end, amount))
    return tuple(charges)


def _costs(outcome: Outcome) -> Mapping[str, int]:
    usage = outcome.usage
    return {} if usage is None else {TOTAL_TOKENS: usage.total_tokens}


def dues_header(dues: tuple[Due, ...]) -> Pairs:
    """Return the header that tells attempts what their response is to be charged for."""
    return ((DUES_HEADER, msgspec.json.encode(dues).decode()),) if dues else ()


def dues_of(headers: Headers) -> tuple[Due, ...]:
    """Return what the response to an attempt is to be charged for."""
    text = headers.get(DUES_HEADER)
    return _DUES.decode(text) if text else ()
