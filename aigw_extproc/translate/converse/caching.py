"""Cache points: where a family takes one, and how many a request may have.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html: at most four; over tools, system and messages
in this order, those with a longer time to live come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

from aigw_extproc.bedrock.converse import CachePoint, ContentBlock, ConverseRequest, Message, SystemContentBlock, Tool
from aigw_extproc.bedrock.families import Family

MAX_CACHE_POINTS = 4
SHORT, LONG = "5m", "1h"


class Mark(Protocol):
    """A client's request to cache the prompt up to a place."""

    @property
    def ttl(self) -> str | None: ...


class CachePoints:
    """The cache points of one request. Marks that are left out are reported in `dropped`."""

    def __init__(self, family: Family, dropped: list[str]) -> None:
        self.used = False
        """Whether the request has any."""
        self._family = family
        self._dropped = dropped

    def point(self, mark: Mark | None, where: str = "messages") -> CachePoint | None:
        """Return the cache point for a mark; None without a mark, or where the family takes none.

        `where` is `tools`, `system`, `messages`, `results` for one after a tool result, or `nowhere`.
        """
        if mark is None:
            return None
        if where not in self._places:
            self._dropped.append("cache_control")
            return None
        self.used = True
        return CachePoint(type="default", ttl=mark.ttl if mark.ttl == LONG and self._family.long_cache else None)

    def after(self, block: ContentBlock, mark: Mark | None, where: str = "messages") -> CachePoint | None:
        """Return the cache point after a block: none after reasoning, and on Claude none after a plain document."""
        return self.point(mark, where if self._may_end_prefix(block) else "nowhere")

    def automatic(self, where: str, block: ContentBlock | None = None) -> CachePoint | None:
        """Return a cache point that no client has asked for, after a block; None where the family takes none."""
        if where not in self._places or (block is not None and not self._may_end_prefix(block)):
            return None
        return CachePoint(type="default")

    @property
    def _places(self) -> Sequence[str]:
        takes = self._family.caching
        return (*takes, "results") if "messages" in takes and self._family.cache_behind_results else takes

    def mark(self, blocks: list[ContentBlock], mark: Mark | None, where: str = "messages") -> None:
        """Add the cache point for a mark on a complete message after its last block, unless there is one."""
        if mark is not None and blocks and blocks[-1].cache_point is None:
            point = self.after(blocks[-1], mark, where)
            if point is not None:
                blocks.append(ContentBlock(cache_point=point))

    def _may_end_prefix(self, block: ContentBlock) -> bool:
        if block.reasoning_content is not None:
            return False
        document = block.document
        plain = document is not None and document.format != "pdf" and document.citations is None
        return self._family.cache_behind_plain_documents or not plain

    def limit(self, request: ConverseRequest) -> None:
        """Remove the cache points of a request that is being built that exceed the limits."""
        if self.used and not within_limits(request):
            self._dropped.append("cache_control")


def has_points(request: ConverseRequest) -> bool:
    """Return whether a request has cache points."""
    return any(True for _ in _points(request))


def within_limits(request: ConverseRequest) -> bool:
    """Keep the last cache points of a request in construction, and let none outlive an earlier one.

    Returns whether all of them were kept.
    """
    points = list(_points(request))
    surplus = {id(point) for point in points[: max(0, len(points) - MAX_CACHE_POINTS)]}
    kept = points[len(surplus) :]
    for before, point in pairwise(kept):
        if point.ttl == LONG and before.ttl != LONG:
            point.ttl = SHORT
    if surplus:
        _remove(request, surplus)
    return not surplus


def _points(request: ConverseRequest) -> Iterator[CachePoint]:
    places: list[Sequence[Tool | SystemContentBlock | ContentBlock]] = [
        request.tool_config.tools if request.tool_config else (),
        request.system or (),
        *(message.content for message in request.messages),
    ]
    return (block.cache_point for blocks in places for block in blocks if block.cache_point)


def _remove(request: ConverseRequest, surplus: set[int]) -> None:
    if request.tool_config:
        request.tool_config.tools = [tool for tool in request.tool_config.tools if id(tool.cache_point) not in surplus]
    if request.system:
        request.system = [block for block in request.system if id(block.cache_point) not in surplus]
    request.messages = [
        Message(message.role, [block for block in message.content if id(block.cache_point) not in surplus])
        for message in request.messages
    ]
