"""List and watch of one selection, for ever: what a break leaves open is caught up, and nothing is asked twice."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

from aigw_extproc.kubernetes.client import Api, Refused, Unreachable
from aigw_extproc.kubernetes.store import Json, Selection, Store

log = logging.getLogger(__name__)

PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before another try after the first, second… failure in a row, each varied by half."""
ABSENT_SECONDS: Final = 30.0
"""How often the API is asked for a kind that it does not have."""
_GONE: Final = 410
_NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403


class Watching:
    """Keeps a selection of the store up to date. `changed` is called when what is served may have changed."""

    def __init__(self, api: Api, store: Store, selection: Selection, changed: Callable[[], None]) -> None:
        self._api, self._store, self._selection, self._changed = api, store, selection, changed
        self._api_version = ""
        self._version = ""
        self._failures = 0
        self._logged = ""

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                since = await self._list()
                if since is None:
                    await asyncio.sleep(ABSENT_SECONDS)
                else:
                    await self._follow(since)
            except (Refused, Unreachable) as fault:
                await self._pause(fault)
            except Exception:  # a defect here must not end the watch, and the gateway with it
                log.exception("reading %s failed", self._selection)
                await self._pause(Unreachable("a defect of this program"))

    async def _list(self) -> str | None:
        """Take over a list, and return its resource version; None if the API does not have the kind.

        A kind that was there is not forgotten when the API says that it is not: an API that starts says so too.
        """
        for version in self._selection.kind.versions:
            try:
                items, since = await self._api.list_all(self._selection, version)
            except Refused as refusal:
                if refusal.status == _NOT_FOUND:
                    continue
                raise
            self._version, self._api_version = version, self._selection.kind.api_version(version)
            if self._store.replace(self._selection, items, self._api_version):
                self._changed()
            self._recovered()
            return since
        if self._api_version:
            raise Unreachable("the API has had this kind, and does not know it now")
        if unknown := await self._api.other_versions(self._selection.kind):
            raise Unreachable(f"the API has it as {', '.join(unknown)} only, which is not supported")
        if not self._store.known(self._selection):
            log.info("the Kubernetes API has no %s; asked again every %.0f s", self._selection, ABSENT_SECONDS)
            self._store.replace(self._selection, (), "")
            self._changed()
        return None

    async def _follow(self, since: str) -> None:
        """Apply events, and resume after the last one when the watch ends; return when it must be listed anew."""
        while True:
            try:
                async for kind, value in self._api.watch(self._selection, self._version, since):
                    since = value["metadata"]["resourceVersion"]
                    if self._apply(kind, value):
                        self._changed()
                    self._recovered()
            except Refused as refusal:
                if refusal.status in (_GONE, _NOT_FOUND):
                    log.debug("%s is listed anew: %s", self._selection, refusal)
                    return
                await self._pause(refusal)
            except Unreachable as fault:
                await self._pause(fault)

    def _apply(self, kind: str, value: Json) -> bool:
        if kind in ("ADDED", "MODIFIED"):
            return self._store.set(self._selection, value, self._api_version)
        return kind == "DELETED" and self._store.remove(self._selection, value)

    def _recovered(self) -> None:
        if self._logged:
            log.info("reads %s again", self._selection)
        self._failures, self._logged = 0, ""

    async def _pause(self, fault: Refused | Unreachable) -> None:
        """Log a new fault once, and wait. What may not be read by name does not hold up the rest: it counts as absent.

        Of a whole kind that would be wrong: without its SecurityPolicies a gateway would be open.
        """
        pause = PAUSES[min(self._failures, len(PAUSES) - 1)]
        forbidden = isinstance(fault, Refused) and fault.status == _FORBIDDEN
        kind = "forbidden" if forbidden else type(fault).__name__
        # One broken watch is ordinary: an API server that restarts, a load balancer.
        if self._logged != kind and (forbidden or self._failures):
            log.warning("cannot read %s, what is known of it stays in effect: %s", self._selection, fault)
            self._logged = kind
        if forbidden and self._selection.name is not None and not self._store.known(self._selection):
            self._store.replace(self._selection, (), "")
            self._changed()
        self._failures += 1
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, no secret
