"""The examination: for each backend every check in its order, all backends side by side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from aigw_extproc.aws.credentials.threads import to_daemon_thread
from aigw_extproc.aws.identity import Identity
from aigw_extproc.config.snapshot import AwsAuth, Snapshot
from aigw_extproc.doctor import credentials, identity
from aigw_extproc.doctor.access import check_access
from aigw_extproc.doctor.checks import Check, Diagnosis, failed, skipped
from aigw_extproc.doctor.network import reach
from aigw_extproc.doctor.redaction import redacted
from aigw_extproc.doctor.targets import Patient, patients

CREDENTIAL_SECONDS = 15.0
"""For a source to answer: STS, an agent or a process may be behind it."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, as far as that could be found out."""

    checks: tuple[Check, ...]
    identity: Identity | None = None


async def examine(snapshot: Snapshot, *, clock: Clock = time.time) -> tuple[Diagnosis, ...]:
    """Examines every backend that a rule can reach, and changes nothing anywhere.

    `clock` tells seconds since 1970. Never raises for what is wrong with a backend.
    """
    return tuple(await asyncio.gather(*(_examine(patient, clock) for patient in patients(snapshot))))


async def _examine(patient: Patient, clock: Clock) -> Diagnosis:
    auth = patient.auth
    way, caller = await asyncio.gather(reach(patient.upstream), _caller(auth, clock))
    called = await check_access(patient, way.route, caller.identity, clock)
    checks = (*caller.checks, *way.checks, *called)
    source = auth.source if auth else None
    return Diagnosis(
        backend=patient.name,
        host=patient.upstream.host,
        region=auth.region if auth else None,
        checks=tuple(redacted(check, source, caller.identity) for check in checks),
    )


async def _caller(auth: AwsAuth | None, clock: Clock) -> Caller:
    if auth is None:
        return _nobody("requests to this backend are not signed")
    if auth.override is not None and not auth.override.fallback:
        return _nobody(f"every request brings its own, in headers {auth.override.prefix}*")
    try:
        async with asyncio.timeout(CREDENTIAL_SECONDS):
            looked = await to_daemon_thread(partial(credentials.look, auth.source, auth.region, now=clock()))
    except TimeoutError:
        detail = f"the source does not answer within {CREDENTIAL_SECONDS:g} s"
        slow = failed(credentials.NAME, detail, "see whether STS, or the agent or process behind it, can be reached")
        return Caller(checks=(slow, skipped(identity.NAME, "there are no credentials")))
    if looked.identity is None:
        return Caller(checks=(*looked.checks, skipped(identity.NAME, "there are no credentials")))
    return Caller(checks=(*looked.checks, await _identified(looked.identity, auth.region)), identity=looked.identity)


def _nobody(reason: str) -> Caller:
    return Caller(checks=(skipped(credentials.NAME, reason), skipped(identity.NAME, reason)))


async def _identified(who: Identity, region: str) -> Check:
    try:
        async with asyncio.timeout(identity.STS_SECONDS):
            return await to_daemon_thread(identity.identify, who, region)
    except TimeoutError:
        return skipped(identity.NAME, f"STS does not answer within {identity.STS_SECONDS:g} s; only this check asks it")
