"""A running gateway, by what its page says: configuration, workers, credentials, recent failures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpcore
import msgspec

from aigw_extproc import __version__
from aigw_extproc.doctor.checks import Check, Diagnosis, failed, ok, skipped

SECONDS: Final = 5.0
NAME: Final = "running gateway"
_PATH: Final = "/status.json"
_MANY: Final = 0.5
"""The share of failed requests above which something is wrong with more than a few clients."""
_AT_LEAST: Final = 5


async def examine_running(url: str, token: str = "") -> Diagnosis:
    """Examine the gateway whose operator's port is at `url`; faults never raise."""
    try:
        checks = tuple(_checks(await asyncio.to_thread(_fetch, url, token)))
    except _Unusable as fault:
        checks = (failed("reach", fault.detail, fault.next_step),)
    return Diagnosis(backend=NAME, host=url, region=None, checks=checks)


class _Unusable(Exception):
    """The page has no answer, for the reason in `detail`."""

    def __init__(self, detail: str, next_step: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.next_step = next_step


def _fetch(url: str, token: str) -> Mapping[str, Any]:
    headers = [("authorization", f"Bearer {token}")] if token else []
    timeout = dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)
    try:
        answer = httpcore.request("GET", url.rstrip("/") + _PATH, headers=headers, extensions={"timeout": timeout})
    except (
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.TimeoutException,
        httpcore.UnsupportedProtocol,
    ) as fault:
        raise _Unusable(f"no answer: {type(fault).__name__}", _START) from None
    if answer.status != 200:
        raise _Unusable(f"it answers {answer.status}", _NEXT_STEPS.get(answer.status, _START))
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError:
        raise _Unusable("its answer is not a gateway's", _START) from None


_START: Final = "check that `run` or `serve` runs, and that this is the URL of its operator's port (--admin-port)"
_NEXT_STEPS: Final = {
    401: "give the file of its token with --page-token",
    403: "ask it as http://127.0.0.1:PORT, or start it with --page-token",
    404: "it has no page there: start it with --page-token, or with --admin-host 127.0.0.1",
}


def _checks(status: Mapping[str, Any]) -> Iterator[Check]:
    version = str(status["version"])
    notes = () if version == __version__ else (f"this doctor is {__version__}",)
    yield ok("reach", f"version {version}, running for {(status['now'] - status['started']) / 60:.0f} min", notes=notes)
    yield _configuration(status)
    if status["workers"] is not None:
        yield _workers(status["workers"])
    for entry in status["credentials"]:
        yield _credentials(entry)
    yield _traffic(status["requests"], status["failed"])


def _configuration(status: Mapping[str, Any]) -> Check:
    problems = status["config"]["problems"]
    warnings = tuple(map(str, status["warnings"]))
    if problems:
        detail = f"the files have {len(problems)} errors; what was in effect before stays in effect"
        next_step = "correct the files; `aigw-extproc check` shows the same errors"
        return failed("configuration", detail, next_step, notes=tuple(map(str, problems)))
    return ok("configuration", f"in effect, {len(status['rules'])} rules", notes=warnings)


def _workers(running: int) -> Check:
    if running:
        return ok("workers", f"{running} run")
    return failed("workers", "none runs", "look into the gateway's log, which says why they end")


def _credentials(entry: Mapping[str, Any]) -> Check:
    source = str(entry["source"])
    if entry["usable"]:
        left = entry["expires_in"]
        return ok("credentials", "usable" if left is None else f"usable for {left / 60:.0f} min", subject=source)
    detail = str(entry["error"] or "none yet")
    return failed("credentials", detail, "run `aigw-extproc doctor RESOURCES` where the gateway runs", subject=source)


def _traffic(requests: int, unserved: int) -> Check:
    if not requests:
        return skipped("traffic", "no requests yet")
    detail = f"{unserved} of the last {requests} requests failed"
    if requests >= _AT_LEAST and unserved > _MANY * requests:
        return failed("traffic", detail, "see the page /traffic for the reasons")
    return ok("traffic", detail)
