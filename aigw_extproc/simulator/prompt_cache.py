"""What the simulated account has cached of prompts: prefixes up to a cachePoint, for their time to live.

Other than the real one it caches prefixes of any length, since its users' prompts are short.
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

from aigw_extproc.simulator.cache_points import without_cache_points
from aigw_extproc.simulator.converse_prompt import input_tokens

REMEMBERED = 1000
"""Prefixes, of which each takes about a hundred bytes."""

DEFAULT_TTL = "5m"
SECONDS: Mapping[str, int] = MappingProxyType({"5m": 300, "1h": 3600})


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUse:
    """Tokens of a prompt that came from the cache and that went there; `details` are the latter by time to live."""

    read: int
    written: int
    details: tuple[tuple[str, int], ...]


class PromptCache:
    """Prefixes by their hash; the ones that were not used for longest are forgotten."""

    def __init__(self) -> None:
        self._expiries: OrderedDict[bytes, float] = OrderedDict()

    def use(self, model_id: str, body: Mapping[str, Any], now: float) -> CacheUse | None:
        """Looks a Converse request up, and remembers it; `now` in seconds. None for one without cachePoints."""
        points = list(_points(model_id, body))
        known = [self._expiries.get(point.key, 0) > now for point in points]
        read = max((point.tokens for point, hit in zip(points, known, strict=True) if hit), default=0)
        written: dict[str, int] = {}
        reached = read
        for point in points:
            self._remember(point.key, now + SECONDS[point.ttl])
            if point.tokens > reached:
                written[point.ttl] = written.get(point.ttl, 0) + point.tokens - reached
                reached = point.tokens
        return CacheUse(read=read, written=reached - read, details=tuple(written.items())) if points else None

    def _remember(self, key: bytes, expiry: float) -> None:
        self._expiries[key] = expiry
        self._expiries.move_to_end(key)
        while len(self._expiries) > REMEMBERED:
            self._expiries.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    key: bytes
    tokens: int
    ttl: str


def _points(model_id: str, body: Mapping[str, Any]) -> Iterator[_Point]:
    """The cachePoints in the order of the prompt, each with what stands before it."""
    for prefix, mark in _prefixes(body):
        content = without_cache_points(prefix)
        key = sha256(msgspec.json.encode([model_id, content], order="sorted")).digest()
        yield _Point(key=key, tokens=input_tokens(content), ttl=mark["cachePoint"].get("ttl", DEFAULT_TTL))


def _prefixes(body: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every cachePoint with the part of a request that it ends: tools come first, then system, then messages."""
    tools, system, messages = (
        body.get("toolConfig", {}).get("tools", []),
        body.get("system", []),
        body.get("messages", []),
    )
    for index, mark in _marks(tools):
        yield {"toolConfig": {"tools": tools[:index]}}, mark
    for index, mark in _marks(system):
        yield {"toolConfig": {"tools": tools}, "system": system[:index]}, mark
    for turn, message in enumerate(messages):
        for index, mark in _marks(message["content"]):
            last = {**message, "content": message["content"][:index]}
            yield {"toolConfig": {"tools": tools}, "system": system, "messages": [*messages[:turn], last]}, mark


def _marks(blocks: list[Any]) -> Iterator[tuple[int, Any]]:
    return ((index, block) for index, block in enumerate(blocks) if "cachePoint" in block)
