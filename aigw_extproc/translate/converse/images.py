"""Images, from where clients have them: in the request, on the web, in S3.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html
"""

from __future__ import annotations

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
    """The images of one request that are named by a URL. `fetched` is what was behind those of the web."""

    def __init__(self, fetched: Mapping[str, Fetched]) -> None:
        self.missing: list[str] = []
        """URLs of images that have to be fetched first; with any of them the result is of no use."""
        self._fetched = fetched

    def image(self, url: str, place: str) -> ImageBlock:
        """The image behind a data:, s3:// or http(s):// URL; `place` is its path in the request.

        Raises:
            InvalidRequest: not such a URL, not an image, or it could not be fetched.
        """
        if url.startswith("s3://"):
            return ImageBlock(format=known_format(IMAGE_FORMATS, extension(url), place), source=s3_source(url))
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
    """The image that the bytes are, whatever their media type says.

    Raises:
        InvalidRequest: neither the bytes nor the media type are of an image that Bedrock takes.
    """
    image_format = magic_image_format(data.head)
    if image_format is None:
        declared = data.subtype if data.media_type.startswith("image/") else data.media_type
        image_format = known_format(IMAGE_FORMATS, declared, place)
    return ImageBlock(format=image_format, source=Source(bytes=data.base64))


def known_format(formats: Mapping[str, str], name: str, place: str) -> str:
    """Bedrock's word for a format. Raises InvalidRequest when it has none."""
    known = formats.get(name)
    if known is None:
        raise InvalidRequest.at(place, f"expected one of {', '.join(dict.fromkeys(formats.values()))}, got {name!r}")
    return known


def s3_source(uri: str) -> Source:
    """An object that Bedrock reads for itself."""
    return Source(s3_location=S3Location(uri=uri))
