"""Writes the status of resources, as far as it is not written already, and tells of rejections; logs what is wrong."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from aigw_extproc.config.compile.attachments import Node
from aigw_extproc.config.compile.independent import Judged, compile_independent, described
from aigw_extproc.kubernetes.client import Api, Refused, Unreachable
from aigw_extproc.kubernetes.kinds import BY_KIND
from aigw_extproc.kubernetes.lease import Lease
from aigw_extproc.kubernetes.options import KubernetesOptions
from aigw_extproc.kubernetes.scope import Scope
from aigw_extproc.kubernetes.status import Change, changes, event, of_another, path_of, service_addresses
from aigw_extproc.kubernetes.store import Resource, Selection, Store

log = logging.getLogger(__name__)

AT_ONCE: Final = 4
"""Requests that write at the same time."""
WAIT_SECONDS: Final = 2.0
"""Until another look at the Lease while another process writes, which will write the same."""
PAUSES: Final = (0.5, 1.0, 5.0, 15.0, 60.0)
"""Seconds after the first, second… failure in a row."""
_TRY_AGAIN: Final = frozenset({409, 429})


class Writer:
    """Brings the statuses of a gateway's resources up to date whenever it is offered what that serves."""

    def __init__(self, api: Api, store: Store, options: KubernetesOptions) -> None:
        self._api, self._store, self._gateway, self._writes = api, store, options.gateway, options.status
        self._lease = Lease(api, options.gateway, f"{uuid.uuid4()}")
        self._scope: Scope | None = None
        self._offered = asyncio.Event()
        self._given_up: dict[Node, str] = {}
        """The versions of resources whose status cannot be written."""
        self._logged: set[str] = set()
        self._wrong: set[str] = set()

    def offer(self, scope: Scope) -> None:
        """Say what the gateway serves now."""
        self._scope = scope
        self._offered.set()

    async def run(self) -> None:
        """Write until cancelled; a failure is tried again."""
        failures = 0
        while True:
            await self._offered.wait()
            self._offered.clear()
            try:
                await self._bring_up_to_date()
                failures = 0
            except Exception as fault:  # of the API, or a defect, which must not end the gateway
                if isinstance(fault, (Refused, Unreachable)):
                    self._tell(f"cannot write the status of resources: {fault}")
                else:
                    log.exception("writing the status of resources failed")
                await asyncio.sleep(_varied(PAUSES[min(failures, len(PAUSES) - 1)]))
                failures += 1
                self._offered.set()

    async def _bring_up_to_date(self) -> None:
        """Write what differs, until nothing does or something else is served."""
        scope = self._scope
        if scope is None or scope.gateway is None:
            return
        # In a thread: it takes half a second for thousands of routes, and watches must not wait for it.
        judged = await asyncio.to_thread(compile_independent, scope.documents)
        self._log_wrong(judged)
        if not self._writes:
            return
        while not self._offered.is_set() and (pending := self._changes(scope, judged)):
            if not await self._write_all(pending):
                await asyncio.sleep(_varied(WAIT_SECONDS))
        await self._lease.release()

    def _log_wrong(self, judged: Judged) -> None:
        """Log what is wrong since the last time."""
        found = itertools.chain.from_iterable(judged.problems.values())
        wrong = {described(problem) for problem in found if not of_another(problem)}
        for each in sorted(wrong - self._wrong):
            log.warning("wrong, so excluded: %s", each)
        self._wrong = wrong

    def _changes(self, scope: Scope, judged: Judged) -> list[Change]:
        nodes = itertools.chain((each.node for each in scope.resources), scope.rejected)
        current = filter(None, map(self._store.find, nodes))
        addresses = None
        if self._gateway.service_node is not None:
            addresses = service_addresses(self._store.find(self._gateway.service_node))
        found = changes(scope, judged, current, addresses, _now())
        return [each for each in found if self._given_up.get(each.resource.node) != each.resource.version]

    async def _write_all(self, pending: list[Change]) -> bool:
        """Write while this process has the Lease and nothing newer is offered; return whether it has the Lease."""
        for start in range(0, len(pending), AT_ONCE):
            if self._offered.is_set():
                return True
            if not await self._lease.acquire():
                return False
            results = await asyncio.gather(*map(self._write, pending[start : start + AT_ONCE]), return_exceptions=True)
            for failure in results:
                if failure is not None:
                    raise failure
        return True

    async def _write(self, change: Change) -> None:
        """Write one status, unless the resource has changed meanwhile, and tell of its rejections."""
        resource = change.resource
        path = path_of(resource.node, resource.document["apiVersion"])
        body = {"metadata": {"resourceVersion": resource.version}, "status": change.status}
        try:
            written = await self._api.ask("PATCH", f"{path}/status", body=body)
        except Refused as refusal:
            if refusal.status in _TRY_AGAIN:
                await asyncio.sleep(_varied(PAUSES[0]))  # the watch brings what it is now
            elif refusal.status >= 500:
                raise
            else:
                self._given_up[resource.node] = resource.version
                self._tell(f"cannot write the status of {resource.node[0]}: {refusal}")
            return
        self._remember(resource, written)
        if any((written.get("status") or {}).get(name) != part for name, part in change.status.items()):
            # A schema without these fields: another try would end the same.
            self._given_up[resource.node] = written["metadata"]["resourceVersion"]
            self._tell(f"the API does not keep the status of {resource.node[0]} as it was written; check its CRD")
        for one in self._events(change):
            await self._post(one)

    def _remember(self, resource: Resource, written: dict[str, Any]) -> None:
        """Take over what was written, before the watch says so."""
        kind, namespace, _ = resource.node
        selection = Selection(kind=BY_KIND[kind], namespace=namespace)
        if self._store.find(resource.node) == resource:
            self._store.set(selection, written, resource.document["apiVersion"])

    def _events(self, change: Change) -> Iterator[dict[str, object]]:
        for condition in change.rejections:
            name = f"{change.resource.node[2][:200]}.{uuid.uuid4().hex[:16]}"
            yield dict(event(change, condition, name, _now()))

    async def _post(self, one: dict[str, object]) -> None:
        namespace = one["involvedObject"]["namespace"]  # type: ignore[index] # see `event`
        try:
            await self._api.ask("POST", f"/api/v1/namespaces/{namespace}/events", body=one)
        except (Refused, Unreachable) as fault:  # an Event is a courtesy: the condition says the same
            self._tell(f"cannot create Events: {fault}")

    def _tell(self, message: str) -> None:
        """Log what hinders, once."""
        if message not in self._logged:
            self._logged = {*self._logged, message} if len(self._logged) < 100 else {message}
            log.warning(message)


def _varied(seconds: float) -> float:
    return seconds * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, no secret


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
