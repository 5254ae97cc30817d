"""Content parts of messages: text and images.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64

from aigw_extproc.bedrock.converse import BytesSource, ImageBlock
from aigw_extproc.errors import InvalidRequest

IMAGE_FORMATS = {
    "png": "png",
    "jpeg": "jpeg",
    "jpg": "jpeg",
    "pjpeg": "jpeg",
    "jfif": "jpeg",
    "gif": "gif",
    "webp": "webp",
}
"""Converse's format by the subtype of the media type."""

_DATA_URI = re.compile(r"data:(?P<type>[^;,]*)(?P<parameters>(?:;[^,]*)?),", re.IGNORECASE)
_WHITE_SPACE = re.compile(r"\s+|%0A|%0D|%20", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")
_MAGIC_LENGTH = 24  # characters of base64 that hold the 12 bytes by which the formats are told apart


def image_block(url: str, place: str) -> ImageBlock:
    """The image of a data URI. `place` is the part's path in the request, for errors.

    Raises:
        InvalidRequest: not a data URI, not one of the four formats, or not base64.
    """
    match = _DATA_URI.match(url)
    if match is None:
        raise InvalidRequest(
            f"{place}.image_url.url: expected a data: URI with a base64 image, got {_shortened(url)!r}",
            param=f"{place}.image_url.url",
        )
    media_type = match["type"].strip().lower()
    if "base64" not in match["parameters"].lower().split(";"):
        raise InvalidRequest(
            f"{place}.image_url.url: the data: URI is not base64-encoded", param=f"{place}.image_url.url"
        )
    data = base64_text(url[match.end() :], f"{place}.image_url.url")
    declared = IMAGE_FORMATS.get(media_type.removeprefix("image/")) if media_type.startswith("image/") else None
    image_format = magic_format(a2b_base64(data[:_MAGIC_LENGTH])) or declared
    if image_format is None:
        raise InvalidRequest(
            f"{place}.image_url.url: images are png, jpeg, gif or webp, got {media_type!r}",
            param=f"{place}.image_url.url",
        )
    return ImageBlock(format=image_format, source=BytesSource(bytes=data))


def magic_format(head: bytes) -> str | None:
    """The format that the first 12 bytes of an image name, whatever its media type says."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    return None


def base64_text(text: str, place: str) -> str:
    """The same bytes in the one form that Bedrock takes: standard alphabet, padded, no white space.

    Raises:
        InvalidRequest: it is not base64, or holds nothing.
    """
    if not _is_base64(text):
        text = _WHITE_SPACE.sub("", text).replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
        text = text.translate(_URL_SAFE).rstrip("=")
        text += "=" * (-len(text) % 4)
        if not _is_base64(text):
            raise InvalidRequest(f"{place}: the data is not valid base64", param=place)
    if not text:
        raise InvalidRequest(f"{place}: the data is empty", param=place)
    return text


def _is_base64(text: str) -> bool:
    try:
        a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError):
        return False
    return True


def _shortened(text: str) -> str:
    return text if len(text) <= 75 else f"{text[:72]}..."
