"""Limits of use in an exchange: what is asked before a request is sent, and what is charged at its end.

Limits that need nothing of the body are asked for before it is read, the others when its rule is known, those of a
backend for each attempt at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec
from msgspec.structs import replace

from aigw_extproc.anthropic.errors import render as anthropic_error
from aigw_extproc.callers import Caller, address_of
from aigw_extproc.config.costs import Expression, NoValue
from aigw_extproc.config.limits import EXPRESSION, MONEY, NO_QUOTAS, USAGE, Limit
from aigw_extproc.config.snapshot import MODEL_HEADER, Backend
from aigw_extproc.errors import FilterMissing, LimitExceeded, LimitsUnavailable, PriceUnknown
from aigw_extproc.exchange.admission import identified_headers
from aigw_extproc.exchange.messages import Headers, LimitsReady, NeedLimits, Outcome, Pairs
from aigw_extproc.exchange.names import DUES_HEADER, QUOTAS_HEADER
from aigw_extproc.exchange.phases import Client
from aigw_extproc.exchange.spending import UNCHARGED, SpentTokens, variables
from aigw_extproc.limits.counting import SHADOW, Charge, Due, Hit, key_of
from aigw_extproc.limits.matching import Address, counter_of
from aigw_extproc.limits.refusal import refusal
from aigw_extproc.limits.windows import window
from aigw_extproc.routing import Choice, Router

_DUES: Final = msgspec.json.Decoder(tuple[Due, ...])
_QUOTAS: Final = msgspec.json.Decoder(dict[str, list[str | None]])


def needed_limits(
    limits: Iterable[Limit],
    router: Router,
    caller: Caller,
    headers: Headers,
    now: float,
    *,
    model: str | None = None,
    bounds: Callable[[], Sequence[SpentTokens]] = tuple,
) -> NeedLimits | None:
    """Return what to ask the ledger about a request; None if no limit applies to it.

    `bounds` returns what it may cost at most, for limits that reserve that, and raises InvalidRequest.

    Raises:
        FilterMissing: a limit depends on the client's address, and Envoy does not say what it is.
    """
    counted = _counters(tuple(limits), router, caller, headers, model)
    return _asked(((limit, counter) for limit, counter in counted if counter is not None), now, bounds)


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
    if all(backend.quotas is NO_QUOTAS for backend in choice.backends):
        return ()
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


def _asked(
    counted: Iterable[tuple[Limit, str]], now: float, bounds: Callable[[], Sequence[SpentTokens]] = tuple
) -> NeedLimits | None:
    applying = tuple(counted)
    if not applying:
        return None
    at_most = bounds() if any(limit.reserve for limit, _ in applying) else ()
    hits: list[Hit] = []
    dues: list[Due] = []
    groups: dict[str, int] = {}
    for limit, counter in applying:
        start, end = window(limit.unit, now)
        key = key_of(counter, start)
        reserved = max((_amount(limit.response_cost, bound) for bound in at_most), default=0) if limit.reserve else 0
        group = SHADOW if limit.shadow else groups.setdefault(limit.either or counter, len(groups))
        hits.append(Hit(key, end, limit.limit, limit.request_cost + reserved, group))
        if limit.response_cost != 0:
            priced = limit.kind == "money" and not limit.shadow
            dues.append(Due(counter, limit.unit, limit.response_cost, reserved, key, end, priced))
    return NeedLimits(hits=tuple(hits), limits=tuple(limit for limit, _ in applying), dues=tuple(dues))


def admitted(outcome: Outcome, client: Client, event: LimitsReady, now: float) -> Outcome:
    """Return the outcome of a request that its limits let pass.

    Raises:
        LimitExceeded: they do not.
    """
    needed, verdict = event.needed, event.verdict
    if verdict is None:  # nothing was taken, so nothing is given back
        dues = tuple(Due(due.counter, due.unit, due.cost, priced=due.priced) for due in needed.dues)
        return replace(outcome, dues=(*outcome.dues, *dues))
    if verdict.refused:
        anthropic = client.render_error is anthropic_error
        raise refusal(needed.hits, needed.limits, verdict.used, now=now, anthropic=anthropic)
    taken = tuple(hit for hit in needed.hits if hit.amount)
    return replace(outcome, taken=(*outcome.taken, *taken), dues=(*outcome.dues, *needed.dues))


def check_priced(outcome: Outcome, backend: Backend) -> None:
    """Refuse a request under a budget in money for a model whose price is not known.

    Raises:
        PriceUnknown: it is such a request.
    """
    known = backend.settings.prices.of(outcome.request_model) is not None
    if not known and any(due.priced for due in outcome.dues) and outcome.operation not in UNCHARGED:
        raise PriceUnknown(
            f"the price of the model '{outcome.model}' is not known here, and this client has a budget; the operator"
            " can name it with the annotation aigw-extproc/prices",
            param="model",
        )


def settlement(outcome: Outcome, spent: SpentTokens | None, now: float) -> tuple[Charge, ...]:
    """Return what to charge at the end of an exchange: what the response has cost, without what was reserved.

    A request that a limit refuses takes nothing: what other limits have counted before is given back. Of a request with
    attempts each charges for what it has spent. The one that has answered gives back the reservation, or the request
    itself if it was answered with an error.
    """
    if isinstance(outcome.error, LimitExceeded | PriceUnknown):
        return tuple(Charge(hit.key, hit.end, -hit.amount) for hit in outcome.taken)
    answered = outcome.status == 200
    if outcome.delegated:
        return () if answered or not outcome.status else tuple(_given_back(outcome.dues))
    charges = [] if outcome.attempt is not None and not answered else list(_given_back(outcome.dues))
    for due in outcome.dues:
        amount = _amount(due.cost, spent) if spent is not None else due.cost if isinstance(due.cost, int) else 0
        if amount:
            start, end = window(due.unit, now)
            charges.append(Charge(key_of(due.counter, start), end, amount))
    return tuple(charges)


def _given_back(dues: Iterable[Due]) -> Iterator[Charge]:
    return (Charge(due.key, due.end, -due.reserved) for due in dues if due.reserved)


def _amount(cost: int | str, spent: SpentTokens) -> int:
    """Return what a limit counts for a response."""
    if isinstance(cost, int):
        return cost
    if cost == MONEY:
        return spent.cost or 0
    if cost in USAGE:
        count: int = getattr(spent.counts, USAGE[cost])
        return count
    if not cost.startswith(EXPRESSION):
        return spent.values.get(cost, 0)
    expression = _expression(cost.removeprefix(EXPRESSION))
    try:
        return expression.value(variables(spent.model, spent.name, spent.route, spent.counts))
    except NoValue:
        return spent.counts.total_tokens


_expression = lru_cache(maxsize=1024)(Expression)


def dues_header(dues: tuple[Due, ...]) -> Pairs:
    """Return the header that tells attempts what their response is to be charged for."""
    return ((DUES_HEADER, msgspec.json.encode(dues).decode()),) if dues else ()


def dues_of(headers: Headers) -> tuple[Due, ...]:
    """Return what the response to an attempt is to be charged for."""
    text = headers.get(DUES_HEADER)
    return _DUES.decode(text) if text else ()
