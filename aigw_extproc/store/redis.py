"""Records in Redis, which several gateways can share.

https://redis.io/docs/latest/develop/programmability/eval-intro/
Each record is a key that expires. A sorted set has the ages, a hash the sizes, and a counter their sum, so that the
oldest records can be removed when there are too many. All have one hash tag: they are in one slot of a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from time import time
from typing import Any, Final

from redis import asyncio as redis

TIMEOUT_SECONDS: Final = 3.0
"""Until Redis connects or answers; Envoy waits for ten."""
_TAG: Final = "{aigw-responses}"
_INDEX: Final = (f"{_TAG}:ages", f"{_TAG}:sizes", f"{_TAG}:bytes")
_REMOVE: Final = """
local function remove(key)
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[1], key)
    local size = redis.call('HGET', KEYS[2], key)
    if size then redis.call('HDEL', KEYS[2], key); redis.call('DECRBY', KEYS[3], size) end
end
"""
_PUT: Final = (
    _REMOVE
    + """
local now, seconds, bytes = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('SET', KEYS[4], ARGV[1], 'EX', seconds)
redis.call('ZADD', KEYS[1], now, KEYS[4])
redis.call('HSET', KEYS[2], KEYS[4], #ARGV[1])
redis.call('INCRBY', KEYS[3], #ARGV[1])
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - seconds, 'LIMIT', 0, 1000)) do remove(key) end
while tonumber(redis.call('GET', KEYS[3])) > bytes do
    local oldest = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
    if not oldest then break end
    remove(oldest)
end
"""
)
_DELETE: Final = _REMOVE + "remove(KEYS[4])"


class RedisStore:
    """Implements `connect.Store`."""

    def __init__(self, url: str, *, max_seconds: int, max_bytes: int) -> None:
        """Connects at the first use. Raises ValueError if the URL is wrong."""
        self._client: Any = redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, max_connections=64
        )
        self._max_seconds = max_seconds
        self._max_bytes = max_bytes
        self._put = self._client.register_script(_PUT)
        self._delete = self._client.register_script(_DELETE)

    async def get(self, owner: str, ids: Iterable[str]) -> Mapping[str, bytes]:
        """Return the records of an owner by id; those that there are not are missing. Raises redis.RedisError."""
        wanted = list(ids)
        bodies = await self._client.mget([_key(owner, record_id) for record_id in wanted]) if wanted else []
        return {record_id: body for record_id, body in zip(wanted, bodies, strict=True) if body is not None}

    async def put(self, owner: str, record_id: str, body: bytes) -> None:
        """Add a record, and remove the oldest that exceed the limits. Raises redis.RedisError."""
        keys = (*_INDEX, _key(owner, record_id))
        await self._put(keys=keys, args=(body, time(), self._max_seconds, self._max_bytes))

    async def delete(self, owner: str, record_id: str) -> None:
        """Remove a record. Raises redis.RedisError."""
        await self._delete(keys=(*_INDEX, _key(owner, record_id)))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _key(owner: str, record_id: str) -> str:
    # A digest: owners are names that operators choose, of any length.
    return f"{_TAG}:{sha256(owner.encode()).hexdigest()[:32]}:{record_id}"
