"""Follows what a Gateway serves in the Kubernetes API, and publishes every change of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aigw_extproc.kubernetes import published
from aigw_extproc.kubernetes.client import Api
from aigw_extproc.kubernetes.kinds import LISTED
from aigw_extproc.kubernetes.options import KubernetesOptions
from aigw_extproc.kubernetes.scope import Scope, scope_of, selections
from aigw_extproc.kubernetes.store import Selection, Store
from aigw_extproc.kubernetes.watching import Watching

log = logging.getLogger(__name__)

SETTLE_SECONDS: Final = 0.03
"""Pause after a change: what is applied together takes effect together, if it comes this closely."""
MOST_SECONDS: Final = 0.3
"""How long changes in a row can hold up the first."""


AGAIN_SECONDS: Final = 5.0
"""Pause after a failure that is not the API's."""


class Follower:
    """Reads what a Gateway serves. `file` gets every change of it."""

    def __init__(self, options: KubernetesOptions, api: Api, file: Path) -> None:
        self._options, self._api, self._file = options, api, file
        self.on_scope: Callable[[Scope], None] = lambda _: None
        """Called with what is served, after it was published."""
        self.store = Store()
        self._synced = asyncio.Event()
        self._changes = asyncio.Event()
        self._always = selections(options.gateway, LISTED)
        self._watches: dict[Selection, asyncio.Task[None]] = {}

    @property
    def synced(self) -> bool:
        """Whether all was read once, so that nothing is missing in what is served."""
        return self._synced.is_set()

    async def until_synced(self) -> None:
        """Wait until all was read once."""
        await self._synced.wait()

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for selection in self._always:
                self._watch(tasks, selection)
            while True:
                await self._changes.wait()
                await self._settled()
                try:
                    self._take_over(tasks)
                except Exception:  # a full disk, or a defect: neither must end the gateway
                    log.exception("the change of the cluster's resources could not be taken over; it is tried again")
                    self._changes.set()
                    await asyncio.sleep(AGAIN_SECONDS)

    def _take_over(self, tasks: asyncio.TaskGroup) -> None:
        """Publish what is served, if all that belongs to it is known."""
        if all(map(self.store.known, self._always)):
            scope = scope_of(self.store, self._options.gateway)
            self._follow_wanted(tasks, scope)
            if all(map(self.store.known, scope.wanted)):
                self._publish(scope)

    def _watch(self, tasks: asyncio.TaskGroup, selection: Selection) -> None:
        watching = Watching(self._api, self.store, selection, self._changes.set)
        self._watches[selection] = tasks.create_task(watching.run())

    async def _settled(self) -> None:
        loop = asyncio.get_running_loop()
        latest = loop.time() + MOST_SECONDS
        while self._changes.is_set() and loop.time() < latest:
            self._changes.clear()
            await asyncio.sleep(SETTLE_SECONDS)
        self._changes.clear()

    def _follow_wanted(self, tasks: asyncio.TaskGroup, scope: Scope) -> None:
        """Watch what is referred to by name, and nothing that is not any more."""
        for selection in scope.wanted - self._watches.keys():
            self._watch(tasks, selection)
        for selection in self._watches.keys() - scope.wanted - set(self._always):
            self._watches.pop(selection).cancel()
            self.store.forget(selection)

    def _publish(self, scope: Scope) -> None:
        if scope.gateway is None:
            log.warning("there is no Gateway %s of this class: nothing is served", self._options.gateway)
        if published.write(self._file, str(self._options.gateway), scope.documents):
            log.info("published resources=%d", len(scope.resources))
        self._synced.set()
        self.on_scope(scope)
