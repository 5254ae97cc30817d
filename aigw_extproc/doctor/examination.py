"""The examination: for each backend every check in its order, all backends concurrently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from aigw_extproc.aws.credentials.threads import to_daemon_thread
from aigw_extproc.aws.identity import Identity
from aigw_extproc.config.snapshot import AwsAuth, Snapshot
from aigw_extproc.doctor import credentials, identity
from aigw_extproc.doctor.access import check_access
from aigw_extproc.doctor.checks import Check, Diagnosis, failed, skipped
from aigw_extproc.doctor.credentials import LookupResult
from aigw_extproc.doctor.network import reach
from aigw_extproc.doctor.redaction import redacted
from aigw_extproc.doctor.targets import ProbeTarget, targets

CREDENTIAL_SECONDS = 15.0
"""Limit for a source to answer, which may call STS, an agent or a process."""

Clock = Callable[[], float]


async def examine(snapshot: Snapshot, *, clock: Clock = time.time) -> tuple[Diagnosis, ...]:
    """Examine every backend that a rule can reach, without changing anything.

    `clock` returns seconds since 1970. Faults of a backend never raise.
    """
    return tuple(await asyncio.gather(*(_examine(target, clock) for target in targets(snapshot))))


async def _examine(target: ProbeTarget, clock: Clock) -> Diagnosis:
    auth = target.auth
    network, caller = await asyncio.gather(reach(target.upstream), _caller(auth, clock))
    access = await check_access(target, network.endpoint, caller.identity, clock)
    checks = (*caller.checks, *network.checks, *access)
    source = auth.source if auth else None
    return Diagnosis(
        backend=target.name,
        host=target.upstream.host,
        region=auth.region if auth else None,
        checks=tuple(redacted(check, source, caller.identity) for check in checks),
    )


async def _caller(auth: AwsAuth | None, clock: Clock) -> LookupResult:
    """Look up the credentials and the identity that they belong to."""
    if auth is None:
        return _skip("requests to this backend are not signed")
    if auth.override is not None and not auth.override.fallback:
        return _skip(f"every request must bring its own, in headers {auth.override.prefix}*")
    try:
        async with asyncio.timeout(CREDENTIAL_SECONDS):
            result = await to_daemon_thread(partial(credentials.look_up, auth.source, auth.region, now=clock()))
    except TimeoutError:
        detail = f"the source did not answer within {CREDENTIAL_SECONDS:g} s"
        next_step = "check that STS, or the agent or process that supplies the credentials, can be reached"
        result = LookupResult(checks=(failed(credentials.NAME, detail, next_step),))
    if result.identity is None:
        check = skipped(identity.NAME, "there are no credentials")
    else:
        check = await _identify(result.identity, auth.region)
    return LookupResult(checks=(*result.checks, check), identity=result.identity)


def _skip(reason: str) -> LookupResult:
    return LookupResult(checks=(skipped(credentials.NAME, reason), skipped(identity.NAME, reason)))


async def _identify(caller: Identity, region: str) -> Check:
    try:
        async with asyncio.timeout(identity.STS_SECONDS):
            return await to_daemon_thread(identity.identify, caller, region)
    except TimeoutError:
        return skipped(identity.NAME, f"STS did not answer within {identity.STS_SECONDS:g} s; only this check needs it")
