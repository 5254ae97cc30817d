"""What a model signed of its reasoning, as `encrypted_content`: opaque to clients, byte-exact when it comes back."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from aigw_extproc.errors import InvalidRequest


class Thought(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reasoningContent block. The text goes along: a signature is of exactly that text."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None


_DECODER = msgspec.json.Decoder(Thought)


def sealed(thought: Thought) -> str:
    """The thought in one word."""
    return urlsafe_b64encode(msgspec.json.encode(thought)).decode()


def unsealed(text: str, place: str) -> Thought:
    """The thought that `sealed` was given; `place` is the word's path in the request.

    Raises:
        InvalidRequest: it is not the gateway's.
    """
    try:
        return _DECODER.decode(urlsafe_b64decode(text))
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise InvalidRequest.at(
            place, "is not what this gateway gave out; send reasoning items back unchanged, or leave them out"
        ) from None
