"""The prompt cache of the simulated account: prefixes up to a cachePoint, until their time to live is over.

Unlike the real one it caches prefixes of any length, since test prompts are short.
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import msgspec

from aigw_extproc.simulator.converse_prompt import input_tokens
from aigw_extproc.simulator.converse_request import Conversation, messages, tools, without_cache_points

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
    for prefix, point in _prefixes(conversation):
        content = without_cache_points(prefix)
        key = sha256(msgspec.json.encode([model_id, content], order="sorted")).digest()
        yield _CachePoint(key=key, tokens=input_tokens(content), ttl=point["cachePoint"].get("ttl", DEFAULT_TTL))


def _prefixes(conversation: Conversation) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield every cachePoint with the part of the request before it, in the order tools, system, messages."""
    all_tools, system = tools(conversation), conversation.get("system", [])
    for index, point in _cache_points(all_tools):
        yield {"toolConfig": {"tools": all_tools[:index]}}, point
    for index, point in _cache_points(system):
        yield {"toolConfig": {"tools": all_tools}, "system": system[:index]}, point
    prefix = {"toolConfig": {"tools": all_tools}, "system": system}
    for turn, message in messages(conversation):
        for index, point in _cache_points(message["content"]):
            last = {**message, "content": message["content"][:index]}
            yield {**prefix, "messages": [*conversation["messages"][:turn], last]}, point


def _cache_points(blocks: list[Any]) -> Iterator[tuple[int, Any]]:
    return ((index, block) for index, block in enumerate(blocks) if "cachePoint" in block)
