"""`encrypted_content` of reasoning items: a model's reasoning block, encoded as one string.

The signature and the redacted data come back byte-exact; clients treat the string as opaque.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from aigw_extproc.errors import InvalidRequest


class EncryptedContent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reasoningContent block. The signature is valid for exactly this text."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None


_DECODER = msgspec.json.Decoder(EncryptedContent)


def encode(content: EncryptedContent) -> str:
    """Encode a block as URL-safe base64."""
    return urlsafe_b64encode(msgspec.json.encode(content)).decode()


def decode(text: str, place: str) -> EncryptedContent:
    """Decode what `encode` returned; `place` is its path in the request.

    Raises:
        InvalidRequest: the gateway has not encoded it.
    """
    try:
        return _DECODER.decode(urlsafe_b64decode(text))
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise InvalidRequest.at(
            place, "does not come from this gateway; send reasoning items back unchanged, or leave them out"
        ) from None
