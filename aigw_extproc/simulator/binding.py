"""The context that the newest Claude models bind their reasoning to: system, tools and the messages before it.

A client that changes one of them between turns gets a 400 when it returns the reasoning. Unlike the real models, the
simulated one does not bind hidden reasoning.
https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from aigw_extproc.simulator.converse_request import Conversation, tools, without_cache_points

PARTS = ("system", "tools", "messages")
DIGEST_BYTES = 8


def context(conversation: Conversation, turn: int) -> bytes:
    """Return the context of the message at index `turn`, as short digests of its parts."""
    messages = [_without_reasoning(message) for message in conversation.get("messages", [])[:turn]]
    return b"".join(map(_digest, (conversation.get("system", []), tools(conversation), messages)))


def differing(before: bytes, now: bytes) -> list[str]:
    """Return the names of the parts that differ between two contexts."""
    return [name for name, first, second in zip(PARTS, _digests(before), _digests(now), strict=True) if first != second]


def _without_reasoning(message: Mapping[str, Any]) -> dict[str, Any]:
    return {**message, "content": [block for block in message["content"] if "reasoningContent" not in block]}


def _digest(value: Any) -> bytes:
    return sha256(msgspec.json.encode(without_cache_points(value), order="sorted")).digest()[:DIGEST_BYTES]


def _digests(joined: bytes) -> list[bytes]:
    return [joined[DIGEST_BYTES * index : DIGEST_BYTES * (index + 1)] for index in range(len(PARTS))]
