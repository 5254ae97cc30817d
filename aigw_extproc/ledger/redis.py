"""Counts in Redis, which several gateways share.

Each counter is a key that expires with its period. A script runs alone, so that a request takes all it needs or
nothing: https://redis.io/docs/latest/develop/programmability/eval-intro/
All keys have one hash tag: they are in one slot of a cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import time
from typing import Any, Final

from redis import asyncio as redis

from aigw_extproc.limits.counting import SHADOW, Charge, Hit, Verdict

TIMEOUT_SECONDS: Final = 1.0
"""Until Redis connects or answers; requests wait for it."""
_TAG: Final = "{aigw-limits}"
_KEPT_SECONDS: Final = 3600
"""How long a counter is kept after its period: clocks differ, and late charges may come."""
# What `counting.refusing` says, in Lua. ARGV: time to live, limit, amount and group of each key.
_TAKE: Final = f"""
local used, over, open = {{}}, {{}}, {{}}
for i, key in ipairs(KEYS) do
    used[i] = tonumber(redis.call('GET', key) or 0)
    over[i] = used[i] + math.max(ARGV[4 * i - 1], 1) > tonumber(ARGV[4 * i - 2])
    if not over[i] then open[ARGV[4 * i]] = true end
end
local refused = 0
for i in ipairs(KEYS) do
    if ARGV[4 * i] ~= '{SHADOW}' and not open[ARGV[4 * i]] then refused = 1 end
end
for i, key in ipairs(KEYS) do
    if refused == 0 and ARGV[4 * i - 1] ~= '0' then
        redis.call('INCRBY', key, ARGV[4 * i - 1])
        redis.call('EXPIRE', key, ARGV[4 * i - 3])
    end
end
return {{refused, unpack(used)}}
"""
_ADD: Final = """
for i, key in ipairs(KEYS) do
    if redis.call('INCRBY', key, ARGV[2 * i]) < 0 then redis.call('SET', key, 0) end
    redis.call('EXPIRE', key, ARGV[2 * i - 1])
end
"""


class RedisLedger:
    """Implements `connect.Ledger`."""

    def __init__(self, url: str) -> None:
        """Connects at the first use. Raises ValueError if the URL is wrong."""
        self._client: Any = redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, max_connections=64
        )
        self._take = self._client.register_script(_TAKE)
        self._add = self._client.register_script(_ADD)

    async def take(self, hits: Sequence[Hit]) -> Verdict:
        """Count hits, all of them or none. Raises redis.RedisError."""
        args = [value for hit in hits for value in (_seconds(hit.end), hit.limit, hit.amount, hit.group)]
        # A task: its timeouts need one, and a stream's first step is none.
        refused, *used = await asyncio.ensure_future(self._take(keys=[_TAG + hit.key for hit in hits], args=args))
        return Verdict(refused=bool(refused), used=tuple(used))

    async def add(self, charges: Sequence[Charge]) -> None:
        """Add charges to their counters. Raises redis.RedisError."""
        args = [value for charge in charges for value in (_seconds(charge.end), charge.amount)]
        await self._add(keys=[_TAG + charge.key for charge in charges], args=args)

    async def tend(self) -> None:
        """Do nothing until cancelled: Redis removes past periods itself."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _seconds(end: int) -> int:
    return max(1, int(end - time())) + _KEPT_SECONDS
