"""The context that the newest Claudes bind their reasoning to: system, tools, and the messages before it.

Who changes one of them between turns gets a 400 when the reasoning comes back. Other than the real ones, the simulated
model does not bind what it hides.
https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from aigw_extproc.simulator.cache_points import without_cache_points

PARTS = ("system", "tools", "messages")
DIGEST_BYTES = 8


def context(body: Mapping[str, Any], turn: int) -> bytes:
    """The context of the message at `turn` in a Converse request, as short digests of its parts."""
    tools = body.get("toolConfig", {}).get("tools", [])
    messages = [_without_reasoning(message) for message in body.get("messages", [])[:turn]]
    return b"".join(map(_digest, (body.get("system", []), tools, messages)))


def differing(before: bytes, now: bytes) -> list[str]:
    """The parts that are not the same any more."""
    return [name for name, first, second in zip(PARTS, _digests(before), _digests(now), strict=True) if first != second]


def _without_reasoning(message: Mapping[str, Any]) -> dict[str, Any]:
    return {**message, "content": [block for block in message["content"] if "reasoningContent" not in block]}


def _digest(value: Any) -> bytes:
    return sha256(msgspec.json.encode(without_cache_points(value), order="sorted")).digest()[:DIGEST_BYTES]


def _digests(joined: bytes) -> list[bytes]:
    return [joined[DIGEST_BYTES * index : DIGEST_BYTES * (index + 1)] for index in range(len(PARTS))]
