"""What the endpoint says to us: its clock, whether it believes who asks, and each model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from aigw_extproc.aws.identity import BearerToken, Credentials, Identity
from aigw_extproc.aws.names import host_region, model_region
from aigw_extproc.doctor.advice import Stage
from aigw_extproc.doctor.answers import Answer, Verdict, error, verdict
from aigw_extproc.doctor.calls import Route, probe
from aigw_extproc.doctor.checks import Check, failed, ok, skipped
from aigw_extproc.doctor.clock import NAME as CLOCK
from aigw_extproc.doctor.clock import check_clock
from aigw_extproc.doctor.targets import Patient

CALL = "call"
MODEL = "model"
ANY = "any"
"""The subject where the rules take any model."""
STAND_IN = "amazon.nova-micro-v1:0"
"""Asked for where the rules take any model."""
AT_ONCE = 8
"""Models of one backend that are asked for at the same time."""

Ask = Callable[[str], Awaitable[Answer]]


async def check_access(
    patient: Patient, route: Route | None, who: Identity | None, clock: Callable[[], float]
) -> tuple[Check, ...]:
    """The checks of clock, call and models, in this order; those that cannot be made are there, as skipped."""
    if patient.auth is None or not patient.schema.startswith("AWS"):
        return _silence(patient, f"no request to a backend of schema {patient.schema} is known to cost nothing")
    if route is None:
        return _silence(patient, "the endpoint cannot be reached")
    region = patient.auth.region

    async def ask(model: str) -> Answer:
        return await probe(route, model=model, region=region, identity=who, clock=clock)

    first = patient.models[0] if patient.models else STAND_IN
    try:
        answer = await ask(first)
    except OSError as failure:
        silent = failed(CALL, str(failure), _IN_BETWEEN)
        return skipped(CLOCK, _NO_ANSWER), silent, *_unasked(patient, _NO_ANSWER)
    judge = partial(_judge, host=route.host, region=region)
    time_check = check_clock(
        answer.headers, error(answer)[1], now=answer.received_at, signed=isinstance(who, Credentials)
    )
    return time_check, *await _check_calls(patient, ask, judge, answer, who)


_NO_ANSWER = "there is no answer"
_NOBODY = "there are no credentials"
_IN_BETWEEN = "see what stands between here and the endpoint: proxies, firewalls, and how busy the endpoint is"


async def _check_calls(
    patient: Patient, ask: Ask, judge: Callable[..., Verdict], answer: Answer, who: Identity | None
) -> tuple[Check, ...]:
    if who is None:
        return skipped(CALL, _NOBODY), *_unasked(patient, _NOBODY)
    first = patient.models[0] if patient.models else STAND_IN
    found = judge(answer, model=first)
    if found.stage in {Stage.CALLER, Stage.FOREIGN}:
        refused = failed(CALL, found.detail, found.next_step, seconds=answer.seconds)
        return refused, *_unasked(patient, "the call was not accepted")
    what = "API key" if isinstance(who, BearerToken) else "signature"
    accepted = ok(CALL, f"the {what} is accepted", seconds=answer.seconds)
    if not patient.models:
        return accepted, _check_any_model(found)
    limit = asyncio.Semaphore(AT_ONCE)
    others = await asyncio.gather(*(_ask_for(model, ask, judge, limit) for model in patient.models[1:]))
    return accepted, _check_model(first, found), *others


def _judge(answer: Answer, *, model: str, host: str, region: str) -> Verdict:
    """What an answer means; for the ARN of another region the gateway's own answer counts, which refuses it."""
    found = verdict(answer, model=model, region=region)
    here, there = host_region(host), model_region(model)
    if here is None or there is None or here == there or found.stage in {Stage.CALLER, Stage.FOREIGN}:
        return found
    return Verdict(
        stage=Stage.MODEL,
        detail=f"the ARN is of {there}, and the endpoint in {here}: the gateway refuses such requests",
        next_step=f"give this model a rule of its own, with a backend in {there}",
    )


async def _ask_for(model: str, ask: Ask, judge: Callable[..., Verdict], limit: asyncio.Semaphore) -> Check:
    try:
        async with limit:
            answer = await ask(model)
    except OSError as failure:
        return failed(MODEL, str(failure), _IN_BETWEEN, subject=model)
    return _check_model(model, judge(answer, model=model))


def _check_model(model: str, found: Verdict) -> Check:
    if found.stage is Stage.REACHED:
        return ok(MODEL, _healthy(found), subject=model)
    return failed(MODEL, found.detail, found.next_step, subject=model)


def _check_any_model(found: Verdict) -> Check:
    """The rules take any model: that one of them is not there says nothing, that it is not allowed says a lot."""
    asked = f"asked for {STAND_IN}"
    if found.stage is Stage.REACHED:
        return ok(MODEL, f"{asked}: {_healthy(found)}", subject=ANY)
    if found.stage is Stage.ACCESS:
        return failed(MODEL, f"{asked}: {found.detail}", found.next_step, subject=ANY)
    return skipped(MODEL, f"{asked}: {found.detail}", subject=ANY)


def _healthy(found: Verdict) -> str:
    return f"there, and open to us; the empty probe was turned down, and nothing ran ({found.detail})"


def _silence(patient: Patient, reason: str) -> tuple[Check, ...]:
    return skipped(CLOCK, reason), skipped(CALL, reason), *_unasked(patient, reason)


def _unasked(patient: Patient, reason: str) -> tuple[Check, ...]:
    return tuple(skipped(MODEL, reason, subject=model) for model in patient.models or (ANY,))
