"""The Lease under which one process at a time writes: taken when there is something to write, and then given back.

So the API is asked nothing while nothing changes.
https://kubernetes.io/docs/concepts/architecture/leases/
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from aigw_extproc.kubernetes.client import Api, Refused
from aigw_extproc.kubernetes.options import GatewayName

SECONDS: Final = 15
"""After which a holder that says nothing has lost it."""
RENEW_SECONDS: Final = 5.0

_GROUP: Final = "coordination.k8s.io/v1"
_NOT_FOUND: Final = 404
_TAKEN: Final = 409


class Lease:
    """One Lease, and whether this process holds it."""

    def __init__(
        self, api: Api, gateway: GatewayName, holder: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._api, self._holder, self._clock = api, holder, clock
        self._collection = f"/apis/{_GROUP}/namespaces/{gateway.namespace}/leases"
        self._name = f"aigw-extproc-{gateway.name}"
        self._seen: tuple[object, float] = (None, 0.0)
        """The last state of another's Lease, and since when it is so: clocks of machines differ."""
        self._held_at: float | None = None

    async def acquire(self) -> bool:
        """Take or renew the Lease, and return whether this process holds it.

        Raises:
            Refused, Unreachable: the API did not do it.
        """
        if self._held_at is not None and self._clock() - self._held_at < RENEW_SECONDS:
            return True
        lease = await self._read()
        if lease is not None and not self._is_free(lease["spec"]):
            self._held_at = None
            return False
        return await self._write(lease, self._holder)

    async def release(self) -> None:
        """Give the Lease back, if this process holds it.

        Raises:
            Refused, Unreachable: the API did not do it; it ends by itself.
        """
        if self._held_at is not None:
            self._held_at = None
            lease = await self._read()
            if lease is not None and lease["spec"].get("holderIdentity") == self._holder:
                await self._write(lease, "")
                self._held_at = None

    async def _read(self) -> dict[str, Any] | None:
        try:
            lease = await self._api.ask("GET", f"{self._collection}/{self._name}")
        except Refused as refusal:
            if refusal.status == _NOT_FOUND:
                return None
            raise
        return {**lease, "spec": lease.get("spec") or {}}

    def _is_free(self, spec: dict[str, Any]) -> bool:
        holder = spec.get("holderIdentity")
        if holder in (None, "", self._holder):
            return True
        state = (holder, spec.get("renewTime"))
        if state != self._seen[0]:
            self._seen = (state, self._clock())
        return self._clock() - self._seen[1] > float(spec.get("leaseDurationSeconds") or SECONDS)

    async def _write(self, lease: dict[str, Any] | None, holder: str) -> bool:
        now = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": holder, "leaseDurationSeconds": SECONDS, "renewTime": now}
        try:
            if lease is None:
                body = {"apiVersion": _GROUP, "kind": "Lease", "metadata": {"name": self._name}, "spec": spec}
                await self._api.ask("POST", self._collection, body=body)
            else:
                await self._api.ask("PUT", f"{self._collection}/{self._name}", body={**lease, "spec": spec})
        except Refused as refusal:
            if refusal.status == _TAKEN:
                return False
            raise
        self._held_at = self._clock()
        return True
