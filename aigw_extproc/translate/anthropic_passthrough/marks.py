"""The number of cache marks in a body: Bedrock refuses more than four, so the last ones are kept.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from aigw_extproc.translate.converse.caching import MAX_CACHE_POINTS

MARK = "cache_control"


def with_last_marks(body: bytes, dropped: list[str]) -> bytes:
    """Return a body without the marks that exceed the limit, in the order of the prompt; they are reported."""
    if body.count(b'"cache_control"') <= MAX_CACHE_POINTS:
        return body
    request = msgspec.json.decode(body)
    surplus = [block for block in _blocks(request) if MARK in block][:-MAX_CACHE_POINTS]
    if not surplus:
        return body
    for block in surplus:
        del block[MARK]
    if MARK not in dropped:
        dropped.append(MARK)
    return msgspec.json.encode(request)


def _blocks(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield everything that can have a mark: tools, system, blocks and those in tool results."""
    yield from _objects(request.get("tools"))
    yield from _objects(request.get("system"))
    for message in _objects(request.get("messages")):
        for block in _objects(message.get("content")):
            if block.get("type") == "tool_result":
                yield from _objects(block.get("content"))
            yield block


def _objects(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
