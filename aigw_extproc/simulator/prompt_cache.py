"""The prompt cache of the simulated account: prefixes up to a cachePoint, until their time to live is over.

Unlike the real one it caches prefixes of any length, since test prompts are short.
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from types import MappingProxyType
from typing import Any

import msgspec

from aigw_extproc.simulator.converse_request import Conversation, tools, without_cache_points
from aigw_extproc.simulator.prompt import count_text

MAX_PREFIXES = 1000
"""Each takes about a hundred bytes."""

DEFAULT_TTL = "5m"
SECONDS: Mapping[str, int] = MappingProxyType({"5m": 300, "1h": 3600})


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUse:
    """Tokens of a prompt that were read from the cache and written to it; `details` are those written, by ttl."""

    read: int
    written: int
    details: tuple[tuple[str, int], ...]


class PromptCache:
    """Prefixes by their hash; the least recently used are evicted."""

    def __init__(self) -> None:
        self._expiries: OrderedDict[bytes, float] = OrderedDict()

    def use(self, model_id: str, conversation: Conversation, now: float) -> CacheUse | None:
        """Look up a Converse request and cache its prefixes. `now` is in seconds. None without cachePoints."""
        points = list(_points(model_id, conversation))
        hits = [self._expiries.get(point.key, 0) > now for point in points]
        read = max((point.tokens for point, hit in zip(points, hits, strict=True) if hit), default=0)
        written: dict[str, int] = {}
        reached = read
        for point in points:
            self._store(point.key, now + SECONDS[point.ttl])
            if point.tokens > reached:
                written[point.ttl] = written.get(point.ttl, 0) + point.tokens - reached
                reached = point.tokens
        return CacheUse(read=read, written=reached - read, details=tuple(written.items())) if points else None

    def _store(self, key: bytes, expiry: float) -> None:
        self._expiries[key] = expiry
        self._expiries.move_to_end(key)
        while len(self._expiries) > MAX_PREFIXES:
            self._expiries.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CachePoint:
    key: bytes
    tokens: int
    ttl: str


def _points(model_id: str, conversation: Conversation) -> Iterator[_CachePoint]:
    parts = _parts(conversation)
    for index, part in enumerate(parts):
        if "cachePoint" in part:
            prefix = without_cache_points(parts[:index])
            key = sha256(msgspec.json.encode([model_id, prefix], order="sorted")).digest()
            yield _CachePoint(key=key, tokens=count_text(prefix), ttl=part["cachePoint"].get("ttl", DEFAULT_TTL))


def _parts(conversation: Conversation) -> list[Mapping[str, Any]]:
    """Return the prompt as one list: tools, system, and every message as its role and its blocks."""
    turns = [({"role": message["role"]}, *message["content"]) for message in conversation.get("messages", ())]
    return [*tools(conversation), *conversation.get("system", ()), *chain.from_iterable(turns)]
