"""Cache points of a whole request, within what Bedrock allows.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html: at most four, and what lives longer stands
before what lives shorter, over tools, system and messages in this order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from aigw_extproc.bedrock.converse import CachePoint, ContentBlock, ConverseRequest, Message, SystemContentBlock, Tool

MAX_CACHE_POINTS = 4
SHORT, LONG = "5m", "1h"


def within_limits(request: ConverseRequest) -> None:
    """Keeps the latest cache points of a request that is being built, and makes none outlive one before it."""
    points = list(_points(request))
    surplus = {id(point) for point in points[: max(0, len(points) - MAX_CACHE_POINTS)]}
    kept = points[len(surplus) :]
    for before, point in pairwise(kept):
        if point.ttl == LONG and before.ttl != LONG:
            point.ttl = SHORT
    if surplus:
        _remove(request, surplus)


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
