"""Header blocks: HPACK by the library `hpack`, and what makes a request malformed.

We announce a dynamic table of size 0. As soon as the peer uses none, a block says the same wherever it comes, so those
of its requests, which are all alike, are decoded once.
https://www.rfc-editor.org/rfc/rfc7541 https://www.rfc-editor.org/rfc/rfc9113#section-8
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from hpack import Decoder, Encoder, HPACKError, NeverIndexedHeaderTuple, OversizedHeaderListError

from aigw_extproc.extproc.http2.frames import ConnectionFault, ErrorCode
from aigw_extproc.extproc.http2.limits import MAX_HEADER_LIST

Headers = Mapping[str, str]

MAX_KNOWN: Final = 64
"""Blocks to remember, of one connection."""
MAX_KNOWN_LENGTH: Final = 2048

_PSEUDO = frozenset({":method", ":scheme", ":path", ":authority"})
_REQUIRED = frozenset({":method", ":scheme", ":path"})
# https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2
_OF_A_CONNECTION = frozenset({"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
# https://www.rfc-editor.org/rfc/rfc9113#section-8.2.1
_NAME = re.compile(r":?[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE = re.compile(r"(?![ \t])[^\0\r\n]*(?<![ \t])")


class Malformed(Exception):
    """A request or its trailers break a rule of HTTP/2."""


class HeaderDecoder:
    """Decodes the header blocks of a connection."""

    def __init__(self, table_size: int) -> None:
        self._table_size = table_size
        self._hpack = Decoder(max_header_list_size=MAX_HEADER_LIST)
        self._known: dict[bytes, Headers] = {}

    def settings_taken(self) -> None:
        """Hold the peer to the settings that it has acknowledged: it has to say that its dynamic table is smaller now.

        https://www.rfc-editor.org/rfc/rfc9113#section-4.3.1-6
        """
        self._hpack.max_allowed_table_size = self._table_size

    def request(self, block: bytes) -> Headers:
        """Decode the headers of a request.

        Raises:
            Malformed: the request is.
            ConnectionFault: the block cannot be decoded.
        """
        known = self._known.get(block)
        if known is not None:
            return known
        without_table = self._hpack.max_allowed_table_size == 0 == self._hpack.header_table_size
        headers = _request(self.decode(block))
        if without_table and len(block) <= MAX_KNOWN_LENGTH:
            if len(self._known) == MAX_KNOWN:
                self._known.clear()
            self._known[block] = headers
        return headers

    def decode(self, block: bytes) -> list[tuple[str, str]]:
        """Decode any header block.

        Raises:
            ConnectionFault: it cannot be decoded.
        """
        try:
            pairs = self._hpack.decode(block, raw=True)
            return [(str(name, "latin-1"), str(value, "latin-1")) for name, value in pairs]
        except OversizedHeaderListError:
            reason = f"headers of more than {MAX_HEADER_LIST} bytes"
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, reason) from None
        except HPACKError as error:
            # Not its text, which may contain an address of our memory: the peer gets the reason.
            reason = f"headers cannot be decoded: {type(error).__name__}"
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, reason) from None


def check_trailers(pairs: Iterable[tuple[str, str]]) -> None:
    """Check trailers, of which gRPC's clients send none.

    Raises:
        Malformed: they are.
    """
    for name, value in pairs:
        if name.startswith(":"):
            raise Malformed(f"the trailers contain {name!r}")
        _check(name, value)


def _request(pairs: Iterable[tuple[str, str]]) -> Headers:
    headers: dict[str, str] = {}
    regular = False
    for name, value in pairs:
        _check(name, value)
        if not name.startswith(":"):
            regular = True
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        elif regular or name in headers or name not in _PSEUDO:
            raise Malformed(f"{name!r} is unknown, repeated, or after other headers")
        else:
            headers[name] = value
    missing = sorted(name for name in _REQUIRED if not headers.get(name))
    if missing:
        raise Malformed(f"{missing[0]!r} is missing or empty")
    return headers


def _check(name: str, value: str) -> None:
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise Malformed(f"the header {name[:40]!r} contains characters that are not allowed")
    if name in _OF_A_CONNECTION or (name == "te" and value != "trailers"):
        raise Malformed(f"the header {name!r} is not allowed in HTTP/2")


def content_length(headers: Headers) -> int | None:
    """Return the announced size of the body; None if there is none.

    Raises:
        Malformed: the header is not a number.
    """
    text = headers.get("content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Malformed(f"content-length is {text[:40]!r}, expected a number")
    return int(text)


def encode(headers: Iterable[tuple[str, str]]) -> bytes:
    """Encode headers without use of a dynamic table, so that the block is valid on every connection."""
    return Encoder().encode([NeverIndexedHeaderTuple(name, value) for name, value in headers], huffman=False)
