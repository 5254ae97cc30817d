"""Content parts of messages to content blocks.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aigw_extproc.bedrock.converse import (
    AudioBlock,
    CachePoint,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    ReasoningContent,
    ReasoningText,
    S3Location,
    Source,
    VideoBlock,
)
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.contract import Fetched, FetchFailed
from aigw_extproc.translate.converse import documents
from aigw_extproc.translate.converse.data import (
    Data,
    extension,
    is_data_uri,
    magic_image_format,
    parse_base64,
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

_PENDING = ImageBlock(format="png", source=Source(bytes="AA=="))  # stands in until the image has been fetched


class ContentTranslator:
    """Translates the parts of one request; knows what has to be fetched, and what was left out."""

    def __init__(self, family: Family, fetched: Mapping[str, Fetched]) -> None:
        self.missing: list[str] = []
        """URLs of images that have to be fetched first; with any of them the result is of no use."""
        self.dropped: list[str] = []
        self.has_cache_points = False
        self._family = family
        self._fetched = fetched
        self._names = documents.DocumentNames()

    def blocks(self, part: chat.ContentPart, place: str, where: str = "messages") -> Iterator[ContentBlock]:
        """The block of a part, and the cache point behind it; nothing for blank text.

        `place` is the part's path in the request, `where` the place in Converse's, for caching.

        Raises:
            InvalidRequest: Bedrock cannot be told this part.
        """
        block = self._block(part, place)
        if block is not None:
            yield block
            mark = part.cache_control or part.cache_point
            point = self.cache_point(mark, where if self._may_end_prefix(block) else "nowhere")
            if point is not None:
                yield ContentBlock(cache_point=point)

    def cache_point(self, mark: chat.CacheMark | None, where: str = "messages") -> CachePoint | None:
        """The cache point for a mark; None without one, or where the family takes none.

        `where` is `tools`, `system`, `messages`, `results` for behind a tool result, or `nowhere`.
        """
        if mark is None:
            return None
        takes = self._family.caching
        if where == "results":
            takes = takes if self._family.cache_behind_results else ()
            where = "messages"
        if where not in takes:
            self.dropped.append("cache_control")
            return None
        self.has_cache_points = True
        return CachePoint(type="default", ttl=mark.ttl if mark.ttl == "1h" and self._family.long_cache else None)

    def _may_end_prefix(self, block: ContentBlock) -> bool:
        """Whether what is cached may end with this block: never with a thought, on Claude not with a plain document."""
        if block.reasoning_content is not None:
            return False
        plain = block.document is not None and block.document.format != "pdf"
        return self._family.cache_behind_plain_documents or not plain

    def _block(self, part: chat.ContentPart, place: str) -> ContentBlock | None:
        match part:
            case chat.TextPart(text=text) | chat.RefusalPart(refusal=text):
                return ContentBlock(text=text) if text.strip() else None
            case chat.ImagePart(image_url=url):
                return ContentBlock(image=self._image(*_url(url, f"{place}.image_url")))
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

    def reasoning(self, part: chat.ThinkingPart | chat.RedactedThinkingPart) -> ContentBlock | None:
        """Reasoning as the family takes it back: what it signed, or what it never signs; None for all other."""
        signed = self._family.reasoning_history == "signed"
        if self._family.reasoning_history == "none" or (isinstance(part, chat.RedactedThinkingPart) and not signed):
            return None
        if isinstance(part, chat.RedactedThinkingPart):
            return ContentBlock(reasoning_content=ReasoningContent(redacted_content=part.data))
        if signed != bool(part.signature):
            return None
        text = ReasoningText(text=part.thinking or part.text, signature=part.signature or None)
        return ContentBlock(reasoning_content=ReasoningContent(reasoning_text=text))

    def _image(self, url: str, place: str) -> ImageBlock:
        if url.startswith("s3://"):
            return ImageBlock(format=_format(IMAGE_FORMATS, extension(url), place), source=_s3(url))
        if url[:8].lower().startswith(("http://", "https://")):
            return self._fetched_image(url, place)
        if not is_data_uri(url):
            raise InvalidRequest(
                f"{place}: expected a data:, https:// or s3:// URL, got {shortened(url)!r}", param=place
            )
        return _data_image(parse_data_uri(url, place), place)

    def _fetched_image(self, url: str, place: str) -> ImageBlock:
        fetched = self._fetched.get(url)
        if fetched is None:
            self.missing.append(url)
            return _PENDING
        if isinstance(fetched, FetchFailed):
            raise InvalidRequest(f"{place}: {shortened(url)!r} {fetched.reason}", param=place)
        return _data_image(Data(fetched.media_type, fetched.base64), place)

    def _document(self, file: chat.FileData, place: str) -> DocumentBlock:
        if file.file_data is None:
            raise InvalidRequest(
                f"{place}: Bedrock keeps no files: send the content as file_data, not a file_id", param=place
            )
        place = f"{place}.file_data"
        if file.file_data.startswith("s3://"):
            name, source, media_type = file.filename or file.file_data, _s3(file.file_data), ""
        else:
            data = _file_data(file.file_data, place)
            name, source, media_type = file.filename or "", Source(bytes=data.base64), data.media_type
        document_format = documents.FORMATS.get(media_type) or documents.EXTENSIONS.get(extension(name))
        if document_format is None:
            raise InvalidRequest(
                f"{place}: a document is one of {', '.join(dict.fromkeys(documents.FORMATS.values()))}; "
                f"neither the media type {media_type!r} nor the name {name!r} says which",
                param=place,
            )
        return DocumentBlock(format=document_format, name=self._names.take(file.filename), source=source)


def _url(value: chat.ImageUrl | chat.VideoUrl | str, place: str) -> tuple[str, str]:
    """The URL and its path in the request; some clients leave out the object around it."""
    return (value, place) if isinstance(value, str) else (value.url, f"{place}.url")


def _file_data(text: str, place: str) -> Data:
    return parse_data_uri(text, place) if is_data_uri(text) else Data("", parse_base64(text, place))


def _data_image(data: Data, place: str) -> ImageBlock:
    image_format = magic_image_format(data.head)
    if image_format is None:
        declared = data.subtype if data.media_type.startswith("image/") else data.media_type
        image_format = _format(IMAGE_FORMATS, declared, place)
    return ImageBlock(format=image_format, source=Source(bytes=data.base64))


def _video(url: str, place: str) -> VideoBlock:
    if url.startswith("s3://"):
        return VideoBlock(format=_format(VIDEO_FORMATS, extension(url), place), source=_s3(url))
    data = parse_data_uri(url, place)
    return VideoBlock(format=_format(VIDEO_FORMATS, data.subtype, place), source=Source(bytes=data.base64))


def _audio(audio: chat.AudioData, place: str) -> AudioBlock:
    audio_format = audio.format.lower()
    if audio_format not in AUDIO_FORMATS:
        raise InvalidRequest(
            f"{place}.format: expected one of {', '.join(sorted(AUDIO_FORMATS))}, got {audio.format!r}",
            param=f"{place}.format",
        )
    data = _file_data(audio.data, f"{place}.data")
    return AudioBlock(format=audio_format, source=Source(bytes=data.base64))


def _format(formats: Mapping[str, str], name: str, place: str) -> str:
    known = formats.get(name)
    if known is None:
        raise InvalidRequest(
            f"{place}: expected one of {', '.join(dict.fromkeys(formats.values()))}, got {name!r}", param=place
        )
    return known


def _s3(uri: str) -> Source:
    return Source(s3_location=S3Location(uri=uri))
