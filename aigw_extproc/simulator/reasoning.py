"""The seals by which the simulated model knows its own reasoning again: of text a signature, of hidden text itself.

As with the real ones, nothing can be read from them, and a changed byte spoils them.
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
    """The signature of a reasoning text, in base64. Where reasoning is bound to its context, that is in it."""
    return base64.b64encode(context + _mac(b"text", context + text.encode())).decode()


def is_signed(text: str, signature: str) -> bool:
    """Whether the signature is that of this text, to the byte, in whatever context."""
    expected = sign(text, context_of(signature))
    return hmac.compare_digest(expected.encode(), signature.encode())


def context_of(signature: str) -> bytes:
    """The context that is in a signature; empty in one that has none, and in what is not a signature."""
    try:
        return base64.b64decode(signature, validate=True)[:-MAC_BYTES]
    except (binascii.Error, ValueError):
        return b""


def redact(text: str) -> str:
    """Reasoning that is not to be read, in base64."""
    opaque = sha256(text.encode()).digest()[:OPAQUE_BYTES]
    return base64.b64encode(opaque + _mac(b"redacted", opaque)).decode()


def is_redacted(data: str) -> bool:
    """Whether this is something that `redact` made."""
    try:
        sealed = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return False
    opaque, mac = sealed[:OPAQUE_BYTES], sealed[OPAQUE_BYTES:]
    return hmac.compare_digest(mac, _mac(b"redacted", opaque))


def _mac(purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(KEY, purpose + b"\0" + data, "sha256")
