"""Data inside a request: data URIs, base64 in its variants, media types.

https://www.rfc-editor.org/rfc/rfc2397
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from dataclasses import dataclass

from aigw_extproc.errors import InvalidRequest

_DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?P<parameters>(?:;[^,]*)?),", re.IGNORECASE)
_WHITE_SPACE = re.compile(r"\s+|%0A|%0D|%20", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")
_MAGIC_LENGTH = 24  # characters of base64 that hold the 12 bytes by which image formats differ


@dataclass(frozen=True, slots=True)
class Data:
    """A blob: its media type in lower case, empty if unknown, and its bytes in base64 as Bedrock takes it."""

    media_type: str
    base64: str

    @property
    def subtype(self) -> str:
        """`png` of `image/png`."""
        return self.media_type.rpartition("/")[2]

    @property
    def head(self) -> bytes:
        """The first 18 bytes at most."""
        return a2b_base64(self.base64[:_MAGIC_LENGTH])


def parse_data_uri(uri: str, place: str) -> Data:
    """Parse a data URI; `place` is its path in the request, for errors.

    Raises:
        InvalidRequest: it is not a data URI, or not base64-encoded.
    """
    match = _DATA_URI.match(uri)
    if match is None:
        raise InvalidRequest.at(place, f"expected a data: URI, got {shortened(uri)!r}")
    if "base64" not in match["parameters"].lower().split(";"):
        raise InvalidRequest.at(place, "the data: URI is not base64-encoded")
    return Data(match["type"].strip().lower(), parse_base64(uri[match.end() :], place))


def is_data_uri(text: str) -> bool:
    """Return whether a text begins as a data URI does."""
    return text[:5].lower() == "data:"


def parse_base64(text: str, place: str) -> str:
    """Return base64 in the only form that Bedrock takes: standard alphabet, padded, no white space.

    Raises:
        InvalidRequest: it is not base64, or empty.
    """
    if not _is_base64(text):
        text = _WHITE_SPACE.sub("", text).replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
        text = text.translate(_URL_SAFE).rstrip("=")
        text += "=" * (-len(text) % 4)
        if not _is_base64(text):
            raise InvalidRequest.at(place, "the data is not valid base64")
    if not text:
        raise InvalidRequest.at(place, "the data is empty")
    return text


def magic_image_format(head: bytes) -> str | None:
    """Return the image format that the first 12 bytes identify; None if they identify none."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    return None


def extension(name: str) -> str:
    """Return the extension of a file name or path in lower case, without the dot; empty if there is none."""
    return name.rpartition("/")[2].rpartition(".")[2].lower() if "." in name.rpartition("/")[2] else ""


def shortened(text: str) -> str:
    """Return enough of a text to recognise it in an error."""
    return text if len(text) <= 75 else f"{text[:72]}..."


def _is_base64(text: str) -> bool:
    try:
        a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError):
        return False
    return True
