"""Authentication of the simulated model's reasoning: signatures of text, and redacted reasoning.

As from the real models, both are opaque, and a changed byte makes them invalid.
https://platform.claude.com/docs/en/build-with-claude/extended-thinking#thinking-encryption
"""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256

KEY = b"what the simulated model seals its reasoning with; nothing else is protected by it"
OPAQUE_BYTES, MAC_BYTES = 16, 32


def sign(text: str, context: bytes = b"") -> str:
    """Return the signature of a reasoning text, in base64, with the context that it is bound to."""
    return base64.b64encode(context + _mac(b"text", context + text.encode())).decode()


def is_signed(text: str, signature: str) -> bool:
    """Return whether a signature is valid for this text, in any context."""
    expected = sign(text, context_of(signature))
    return hmac.compare_digest(expected.encode(), signature.encode())


def context_of(signature: str) -> bytes:
    """Return the context in a signature; empty if it has none or is no signature."""
    try:
        return base64.b64decode(signature, validate=True)[:-MAC_BYTES]
    except (binascii.Error, ValueError):
        return b""


def redact(text: str) -> str:
    """Return redacted reasoning, in base64."""
    opaque = sha256(text.encode()).digest()[:OPAQUE_BYTES]
    return base64.b64encode(opaque + _mac(b"redacted", opaque)).decode()


def is_redacted(data: str) -> bool:
    """Return whether the data comes from `redact`."""
    try:
        sealed = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return False
    opaque, mac = sealed[:OPAQUE_BYTES], sealed[OPAQUE_BYTES:]
    return hmac.compare_digest(mac, _mac(b"redacted", opaque))


def _mac(purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(KEY, purpose + b"\0" + data, "sha256")
