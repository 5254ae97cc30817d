"""Content parts of a chat's messages → content blocks.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import assert_never

from aigw_extproc.bedrock.converse import (
    AudioBlock,
    ContentBlock,
    DocumentBlock,
    GuardContent,
    GuardedImage,
    GuardedText,
    Source,
    VideoBlock,
)
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.contract import Fetched
from aigw_extproc.translate.converse import documents
from aigw_extproc.translate.converse.caching import CachePoints
from aigw_extproc.translate.converse.data import Data, is_data_uri, parse_base64, parse_data_uri
from aigw_extproc.translate.converse.images import Images, known_format, s3_extension, s3_source
from aigw_extproc.translate.converse.reasoning import redacted_block, thinking_block

VIDEO_FORMATS = {
    "mp4": "mp4",
    "quicktime": "mov",
    "mov": "mov",
    "x-matroska": "mkv",
    "matroska": "mkv",
    "mkv": "mkv",
    "webm": "webm",
    "x-flv": "flv",
    "flv": "flv",
    "mpeg": "mpeg",
    "mpg": "mpg",
    "x-ms-wmv": "wmv",
    "wmv": "wmv",
    "3gpp": "three_gp",
    "3gp": "three_gp",
    "three_gp": "three_gp",
}
AUDIO_FORMATS = frozenset(
    {"mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm"}
)


GUARDED_FORMATS = ("png", "jpeg")
_PDF_URI = re.compile(r"data:\s*application/pdf\s*[;,]", re.IGNORECASE)


class PartTranslator:
    """Translates the parts of one request. Cache marks that are not supported are reported in `dropped`."""

    def __init__(self, family: Family, fetched: Mapping[str, Fetched]) -> None:
        self.images = Images(fetched)
        self.dropped: list[str] = []
        self.cache = CachePoints(family, self.dropped)
        self._family = family
        self._names = documents.DocumentNames()

    def blocks(self, part: chat.ContentPart, place: str, where: str = "messages") -> Iterator[ContentBlock]:
        """Yield the block of a part and the cache point after it; nothing for blank text.

        `place` is the part's path in the request; `where` is `messages` or `system`.

        Raises:
            InvalidRequest: Bedrock does not support the part.
        """
        block = self._block(part, place)
        if block is not None:
            yield block
            point = self.cache.after(block, part.mark, where)
            if point is not None:
                yield ContentBlock(cache_point=point)

    def _block(self, part: chat.ContentPart, place: str) -> ContentBlock | None:
        match part:
            case chat.TextPart(text=text) | chat.RefusalPart(refusal=text):
                return ContentBlock(text=text) if text.strip() else None
            case chat.GuardedTextPart(text=text, qualifiers=qualifiers):
                guarded = GuardedText(text, list(qualifiers) if qualifiers else None)
                return ContentBlock(guard_content=GuardContent(guarded)) if text.strip() else None
            case chat.GuardedImagePart(image_url=url):
                return ContentBlock(
                    guard_content=GuardContent(image=self._guarded_image(*_url(url, f"{place}.image_url")))
                )
            case chat.ImagePart(image_url=url):
                return self._image_or_document(*_url(url, f"{place}.image_url"))
            case chat.FilePart(file=file):
                return ContentBlock(document=self._document(file, f"{place}.file"))
            case chat.VideoUrlPart(video_url=url):
                return ContentBlock(video=_video(*_url(url, f"{place}.video_url")))
            case chat.VideoPart(video=url):
                return ContentBlock(video=_video(*_url(url, f"{place}.video")))
            case chat.AudioPart(input_audio=audio):
                return ContentBlock(audio=_audio(audio, f"{place}.input_audio"))
            case chat.ThinkingPart() | chat.RedactedThinkingPart():
                return self.reasoning(part)
            case _:
                assert_never(part)

    def reasoning(self, part: chat.ThinkingPart | chat.RedactedThinkingPart) -> ContentBlock | None:
        """Return the block of a reasoning part; None if the model does not accept it in a history."""
        if isinstance(part, chat.RedactedThinkingPart):
            return redacted_block(self._family, part.data)
        return thinking_block(self._family, part.thinking or part.text, part.signature)

    def _image_or_document(self, url: str, place: str) -> ContentBlock:
        """Return an image; some clients send a PDF in its place."""
        if _PDF_URI.match(url):
            source = Source(bytes=parse_data_uri(url, place).base64)
            return ContentBlock(document=DocumentBlock(format="pdf", name=self._names.take(None), source=source))
        return ContentBlock(image=self.images.image(url, place))

    def _guarded_image(self, url: str, place: str) -> GuardedImage:
        image = self.images.image(url, place)
        if image.source.bytes is None:
            raise InvalidRequest.at(place, "guardrails do not read from S3: send the image as a data URI")
        if image.format not in GUARDED_FORMATS:
            raise InvalidRequest.at(place, f"guardrails assess {' and '.join(GUARDED_FORMATS)}, got {image.format!r}")
        return GuardedImage(image.format, image.source)

    def _document(self, file: chat.FileData, place: str) -> DocumentBlock:
        if file.file_data is None:
            raise InvalidRequest.at(place, "Bedrock keeps no files: send the content as file_data, not a file_id")
        place = f"{place}.file_data"
        if file.file_data.startswith("s3://"):
            source, media_type = s3_source(file.file_data), ""
            name = file.filename or f"s3.{s3_extension(file.file_data)}"
        else:
            data = _file_data(file.file_data, place)
            name, source, media_type = file.filename or "", Source(bytes=data.base64), data.media_type
        document_format = documents.document_format(media_type, name)
        if document_format is None:
            formats = ", ".join(dict.fromkeys(documents.FORMATS.values()))
            raise InvalidRequest.at(
                place, f"expected the media type or file name of one of {formats}, got {media_type!r} and {name!r}"
            )
        return DocumentBlock(format=document_format, name=self._names.take(file.filename), source=source)


def _url(value: chat.ImageUrl | chat.VideoUrl | str, place: str) -> tuple[str, str]:
    # Some clients leave out the object around the URL.
    return (value, place) if isinstance(value, str) else (value.url, f"{place}.url")


def _file_data(text: str, place: str) -> Data:
    return parse_data_uri(text, place) if is_data_uri(text) else Data("", parse_base64(text, place))


def _video(url: str, place: str) -> VideoBlock:
    if url.startswith("s3://"):
        return VideoBlock(format=known_format(VIDEO_FORMATS, s3_extension(url), place), source=s3_source(url))
    data = parse_data_uri(url, place)
    return VideoBlock(format=known_format(VIDEO_FORMATS, data.subtype, place), source=Source(bytes=data.base64))


def _audio(audio: chat.AudioData, place: str) -> AudioBlock:
    audio_format = audio.format.lower()
    if audio_format not in AUDIO_FORMATS:
        raise InvalidRequest.at(
            f"{place}.format", f"expected one of {', '.join(sorted(AUDIO_FORMATS))}, got {audio.format!r}"
        )
    data = _file_data(audio.data, f"{place}.data")
    return AudioBlock(format=audio_format, source=Source(bytes=data.base64))
