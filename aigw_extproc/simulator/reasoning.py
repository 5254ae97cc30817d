"""Authentication of the simulated model's reasoning: signatures of text, and redacted reasoning.

As from the real models, both are opaque, and a changed byte makes them invalid. The newest Claude models bind signed
reasoning to its context: system, tools and the messages before it. A client that changes one of them between turns
gets a 400 when it returns the reasoning. Unlike the real models, the simulated one does not bind redacted reasoning.
https://platform.claude.com/docs/en/build-with-claude/extended-thinking#thinking-encryption
https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from aigw_extproc.simulator.converse_request import Conversation, tools, without_cache_points

KEY = b"what the simulated model seals its reasoning with; nothing else is protected by it"
OPAQUE_BYTES, MAC_BYTES = 16, 32

CONTEXT_PARTS = ("system", "tools", "messages")
DIGEST_BYTES = 8


def sign(text: str, context: bytes = b"") -> str:
    """Return the signature of a reasoning text, in base64, with the context that it is bound to."""
    return base64.b64encode(context + _mac(b"text", context + text.encode())).decode()


def is_signed(text: str, signature: str) -> bool:
    """Return whether a signature is valid for this text, in any context."""
    expected = sign(text, context_of(signature))
    return hmac.compare_digest(expected.encode(), signature.encode())


def context_of(signature: str) -> bytes:
    """Return the context in a signature; empty if it has none or is no signature."""
    return _decoded(signature)[:-MAC_BYTES]


def redact(text: str) -> str:
    """Return redacted reasoning, in base64."""
    opaque = sha256(text.encode()).digest()[:OPAQUE_BYTES]
    return base64.b64encode(opaque + _mac(b"redacted", opaque)).decode()


def is_redacted(data: str) -> bool:
    """Return whether the data comes from `redact`."""
    sealed = _decoded(data)
    opaque, mac = sealed[:OPAQUE_BYTES], sealed[OPAQUE_BYTES:]
    return hmac.compare_digest(mac, _mac(b"redacted", opaque))


def _decoded(text: str) -> bytes:
    """Return the bytes of a text in base64; none for any other text."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _mac(purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(KEY, purpose + b"\0" + data, "sha256")


def context(conversation: Conversation, turn: int) -> bytes:
    """Return the context of the message at index `turn`, as short digests of its parts."""
    messages = [_without_reasoning(message) for message in conversation.get("messages", [])[:turn]]
    return b"".join(map(_digest, (conversation.get("system", []), tools(conversation), messages)))


def differing_parts(before: bytes, now: bytes) -> list[str]:
    """Return the names of the parts that differ between two contexts."""
    starts = range(0, DIGEST_BYTES * len(CONTEXT_PARTS), DIGEST_BYTES)
    digests = [slice(start, start + DIGEST_BYTES) for start in starts]
    return [name for name, part in zip(CONTEXT_PARTS, digests, strict=True) if before[part] != now[part]]


def _without_reasoning(message: Mapping[str, Any]) -> dict[str, Any]:
    return {**message, "content": [block for block in message["content"] if "reasoningContent" not in block]}


def _digest(value: Any) -> bytes:
    return sha256(msgspec.json.encode(without_cache_points(value), order="sorted")).digest()[:DIGEST_BYTES]
