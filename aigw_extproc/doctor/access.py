"""Checks made with probe requests: the endpoint's clock, whether AWS accepts the credentials, and each model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import assert_never

from aigw_extproc.aws.identity import BearerToken, Credentials, Identity
from aigw_extproc.aws.names import host_region, model_region
from aigw_extproc.doctor.advice import Stage
from aigw_extproc.doctor.checks import Check, failed, ok, skipped
from aigw_extproc.doctor.clock import NAME as CLOCK
from aigw_extproc.doctor.clock import check_clock
from aigw_extproc.doctor.probe import ReachedEndpoint, probe
from aigw_extproc.doctor.probe_response import ProbeResponse, Verdict, error, verdict
from aigw_extproc.doctor.targets import ProbeTarget

CALL = "call"
MODEL = "model"
ANY = "any"
"""The subject of the model check where the rules accept any model."""
DEFAULT_MODEL = "amazon.nova-micro-v1:0"
"""The model to probe where the rules accept any model."""
MAX_CONCURRENT_PROBES = 8
"""Per backend."""

Probe = Callable[[str], Awaitable[ProbeResponse]]
"""Send a probe for a model id."""

_NO_RESPONSE = "there is no response"
_NO_CREDENTIALS = "there are no credentials"
_CHECK_NETWORK = "check the proxies and firewalls between this machine and the endpoint, and the endpoint's load"


async def check_access(
    target: ProbeTarget, endpoint: ReachedEndpoint | None, identity: Identity | None, clock: Callable[[], float]
) -> tuple[Check, ...]:
    """Return the checks of clock, call and models, in this order; those that cannot be made are skipped."""
    if target.auth is None or not target.schema.startswith("AWS"):
        return _skip_all(target, f"there is no free test request for a backend of schema {target.schema}")
    if endpoint is None:
        return _skip_all(target, "the endpoint cannot be reached")
    region = target.auth.region

    async def send(model: str) -> ProbeResponse:
        return await probe(endpoint, model=model, region=region, identity=identity, clock=clock)

    try:
        response = await send(_first_model(target))
    except OSError as failure:
        call = failed(CALL, str(failure), _CHECK_NETWORK)
        return skipped(CLOCK, _NO_RESPONSE), call, *_skip_models(target, _NO_RESPONSE)
    judge = partial(_judge, host=endpoint.host, region=region)
    signed = isinstance(identity, Credentials)
    clock_check = check_clock(response.headers, error(response)[1], now=response.received_at, signed=signed)
    return clock_check, *await _check_calls(target, send, judge, response, identity)


def _first_model(target: ProbeTarget) -> str:
    return target.models[0] if target.models else DEFAULT_MODEL


async def _check_calls(
    target: ProbeTarget,
    send: Probe,
    judge: Callable[..., Verdict],
    response: ProbeResponse,
    identity: Identity | None,
) -> tuple[Check, ...]:
    if identity is None:
        return skipped(CALL, _NO_CREDENTIALS), *_skip_models(target, _NO_CREDENTIALS)
    first = _first_model(target)
    result = judge(response, model=first)
    if result.stage in {Stage.CALLER, Stage.NOT_BEDROCK}:
        call = failed(CALL, result.detail, result.next_step, seconds=response.seconds)
        return call, *_skip_models(target, "the call was not accepted")
    kind = "API key" if isinstance(identity, BearerToken) else "signature"
    call = ok(CALL, f"the {kind} is accepted", seconds=response.seconds)
    if not target.models:
        return call, _check_any_model(result)
    limit = asyncio.Semaphore(MAX_CONCURRENT_PROBES)
    others = await asyncio.gather(*(_probe_model(model, send, judge, limit) for model in target.models[1:]))
    return call, _check_model(first, result), *others


def _judge(response: ProbeResponse, *, model: str, host: str, region: str) -> Verdict:
    """Return the verdict on a response; an ARN of another region fails, since the gateway itself refuses it."""
    result = verdict(response, model=model, region=region)
    here, there = host_region(host), model_region(model)
    if here is None or there is None or here == there or result.stage in {Stage.CALLER, Stage.NOT_BEDROCK}:
        return result
    return Verdict(
        stage=Stage.MODEL,
        detail=f"the ARN is of {there}, and the endpoint in {here}: the gateway refuses such requests",
        next_step=f"give this model a rule of its own, with a backend in {there}",
    )


async def _probe_model(model: str, send: Probe, judge: Callable[..., Verdict], limit: asyncio.Semaphore) -> Check:
    try:
        async with limit:
            response = await send(model)
    except OSError as failure:
        return failed(MODEL, str(failure), _CHECK_NETWORK, subject=model)
    return _check_model(model, judge(response, model=model))


def _check_model(model: str, result: Verdict) -> Check:
    if result.stage is Stage.REACHED:
        return ok(MODEL, _available(result), subject=model)
    return failed(MODEL, result.detail, result.next_step, subject=model)


def _check_any_model(result: Verdict) -> Check:
    """Check the default model: denied access is a failure, but it need not exist in this region."""
    prefix = f"tested with {DEFAULT_MODEL}"
    match result.stage:
        case Stage.REACHED:
            return ok(MODEL, f"{prefix}: {_available(result)}", subject=ANY)
        case Stage.ACCESS:
            return failed(MODEL, f"{prefix}: {result.detail}", result.next_step, subject=ANY)
        case Stage.MODEL | Stage.RETRY | Stage.CALLER | Stage.NOT_BEDROCK:
            return skipped(MODEL, f"{prefix}: {result.detail}", subject=ANY)
        case _:
            assert_never(result.stage)


def _available(result: Verdict) -> str:
    return f"available; the empty probe was rejected before anything ran ({result.detail})"


def _skip_all(target: ProbeTarget, reason: str) -> tuple[Check, ...]:
    return skipped(CLOCK, reason), skipped(CALL, reason), *_skip_models(target, reason)


def _skip_models(target: ProbeTarget, reason: str) -> tuple[Check, ...]:
    return tuple(skipped(MODEL, reason, subject=model) for model in target.models or (ANY,))
