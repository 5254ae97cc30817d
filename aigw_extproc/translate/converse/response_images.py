"""Images in Bedrock's responses.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlockDelta.html
"""

from __future__ import annotations

import binascii

from aigw_extproc.bedrock.converse import ContentBlock, ErrorBlock, ImageBlock, S3Location, Source
from aigw_extproc.bedrock.converse_stream import ImageDelta
from aigw_extproc.errors import InvalidUpstreamResponse


class OpenImage:
    """An image whose pieces are still coming. Clients' formats have no pieces of images."""

    def __init__(self, image_format: str) -> None:
        self._format = image_format
        self._pieces: list[str] = []
        self._location: S3Location | None = None
        self._error: ErrorBlock | None = None

    def add(self, delta: ImageDelta) -> None:
        """Add a piece."""
        self._error = delta.error or self._error
        if delta.source is not None:
            self._pieces += [delta.source.bytes] if delta.source.bytes else []
            self._location = delta.source.s3_location or self._location

    def block(self) -> ContentBlock:
        """Return the complete block: of text for an image that clients cannot be shown.

        Raises:
            InvalidUpstreamResponse: a piece is not in base64.
        """
        source = Source(bytes=_joined(self._pieces) or None, s3_location=self._location)
        return shown(ContentBlock(image=ImageBlock(self._format, source, self._error)))


def shown(block: ContentBlock) -> ContentBlock:
    """Return a block as clients can show it: a text in the place of an image without its bytes."""
    if block.image is None or block.image.source.bytes:
        return block
    location, error = block.image.source.s3_location, block.image.error
    reason = (error and error.message) or (location and location.uri) or "empty"
    return ContentBlock(text=f"[image: {reason}]")


def media_type(image: ImageBlock) -> str:
    """Return the media type of an image."""
    return f"image/{image.format}"


def data_url(image: ImageBlock) -> str:
    """Return an image that `shown` has left as a data URL."""
    return f"data:{media_type(image)};base64,{image.source.bytes}"


def _joined(pieces: list[str]) -> str:
    """Join pieces that are in base64 each: the padding of one must not stand within the whole."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        data = b"".join(binascii.a2b_base64(piece) for piece in pieces)
    except ValueError:
        raise InvalidUpstreamResponse("an image in the response stream is not in base64") from None
    return binascii.b2a_base64(data, newline=False).decode()
