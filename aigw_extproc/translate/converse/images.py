"""Images: inside the request, at a URL, or in S3.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aigw_extproc.bedrock.converse import ImageBlock, S3Location, Source
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.contract import Fetched, FetchFailed, MediaNeeded
from aigw_extproc.translate.converse.data import (
    Data,
    extension,
    is_data_uri,
    magic_image_format,
    parse_data_uri,
    shortened,
)

IMAGE_FORMATS = {
    "png": "png",
    "jpeg": "jpeg",
    "jpg": "jpeg",
    "pjpeg": "jpeg",
    "jfif": "jpeg",
    "gif": "gif",
    "webp": "webp",
}
"""By the media type's subtype, or the extension."""

_PENDING = ImageBlock(format="png", source=Source(bytes="AA=="))  # stands in until the image has been fetched


class Images:
    """The images of one request that are named by a URL. `fetched` holds those of http(s) URLs."""

    def __init__(self, fetched: Mapping[str, Fetched]) -> None:
        self.missing: list[str] = []
        """URLs of images that have to be fetched first; if there are any, the translation is useless."""
        self._fetched = fetched

    def image(self, url: str, place: str) -> ImageBlock:
        """Return the image at a data:, s3:// or http(s):// URL; `place` is its path in the request.

        Raises:
            InvalidRequest: it is not such a URL, not an image, or could not be fetched.
        """
        if url.startswith("s3://"):
            return ImageBlock(format=known_format(IMAGE_FORMATS, s3_extension(url), place), source=s3_source(url))
        if url[:8].lower().startswith(("http://", "https://")):
            return self._from_web(url, place)
        if not is_data_uri(url):
            raise InvalidRequest.at(place, f"expected a data:, https:// or s3:// URL, got {shortened(url)!r}")
        return image_of(parse_data_uri(url, place), place)

    def _from_web(self, url: str, place: str) -> ImageBlock:
        fetched = self._fetched.get(url)
        if fetched is None:
            self.missing.append(url)
            return _PENDING
        if isinstance(fetched, FetchFailed):
            raise InvalidRequest.at(place, f"{shortened(url)!r} {fetched.reason}")
        return image_of(Data(fetched.media_type, fetched.base64), place)

    def require_fetched(self) -> None:
        """Raise MediaNeeded if images have to be fetched first."""
        if self.missing:
            raise MediaNeeded(tuple(dict.fromkeys(self.missing)))


def image_of(data: Data, place: str) -> ImageBlock:
    """Return the image in the format of its bytes, or else of its media type.

    Raises:
        InvalidRequest: neither is a format that Bedrock takes.
    """
    image_format = magic_image_format(data.head)
    if image_format is None:
        declared = data.subtype if data.media_type.startswith("image/") else data.media_type
        image_format = known_format(IMAGE_FORMATS, declared, place)
    return ImageBlock(format=image_format, source=Source(bytes=data.base64))


def known_format(formats: Mapping[str, str], name: str, place: str) -> str:
    """Return Bedrock's name for a format. Raises InvalidRequest if Bedrock does not support it."""
    known = formats.get(name)
    if known is None:
        raise InvalidRequest.at(place, f"expected one of {', '.join(dict.fromkeys(formats.values()))}, got {name!r}")
    return known


_OWNED = re.compile(r"(?P<uri>s3://.*)\?bucketOwner=(?P<owner>\d{12})", re.DOTALL)


def s3_source(uri: str) -> Source:
    """Return the source for an object that Bedrock reads from S3.

    The account of a bucket in another account is in the URI: `s3://bucket/key?bucketOwner=123456789012`.
    """
    owned = _OWNED.fullmatch(uri)
    location = S3Location(uri=uri) if owned is None else S3Location(uri=owned["uri"], bucket_owner=owned["owner"])
    return Source(s3_location=location)


def s3_extension(uri: str) -> str:
    """Return the extension of an object's name."""
    owned = _OWNED.fullmatch(uri)
    return extension(uri if owned is None else owned["uri"])
