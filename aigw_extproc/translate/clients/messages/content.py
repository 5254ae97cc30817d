"""Content blocks of messages to Converse's.

https://docs.anthropic.com/en/api/messages
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.converse import ContentBlock, DocumentBlock, ImageBlock, Source
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.contract import Fetched
from aigw_extproc.translate.converse import documents
from aigw_extproc.translate.converse.caching import CachePoints
from aigw_extproc.translate.converse.data import Data, extension, parse_base64
from aigw_extproc.translate.converse.images import Images, image_of
from aigw_extproc.translate.converse.reasoning import redacted_block, thinking_block

NO_FILES = "Bedrock keeps no files: send the content, not a file_id"

Told = messages.TextBlock | messages.ImageBlock | messages.DocumentBlock
"""Blocks that say the same wherever they stand."""


class ContentTranslator:
    """Translates the blocks of one request; what is left out goes to `dropped`."""

    def __init__(self, family: Family, fetched: Mapping[str, Fetched], dropped: list[str]) -> None:
        self.images = Images(fetched)
        self.cache = CachePoints(family, dropped)
        self._family = family
        self._dropped = dropped
        self._names = documents.DocumentNames()

    def text(self, content: str | Sequence[messages.TextBlock], where: str) -> Iterator[ContentBlock]:
        """Blocks of text with their cache points; nothing for blank ones."""
        for block in as_blocks(content):
            if block.text.strip():
                yield from self._marked(ContentBlock(text=block.text), block, where)

    def told(self, block: Told, place: str, *, marked: bool = True) -> Iterator[ContentBlock]:
        """The block, and the cache point behind it; nothing for blank text.

        Raises:
            InvalidRequest: Bedrock cannot be told this block.
        """
        match block:
            case messages.TextBlock(text=text):
                told = ContentBlock(text=text) if text.strip() else None
            case messages.ImageBlock(source=source):
                told = ContentBlock(image=self._image(source, f"{place}.source"))
            case messages.DocumentBlock():
                told = ContentBlock(document=self._document(block, f"{place}.source"))
        if told is not None:
            yield from self._marked(told, block, "messages") if marked else (told,)

    def thought(self, block: messages.ThinkingBlock | messages.RedactedThinkingBlock) -> ContentBlock | None:
        """A thought as the family takes it back; None when it does not. No cache point can stand behind it."""
        if block.cache_control is not None:
            self.cache.point(block.cache_control, "nowhere")
        if isinstance(block, messages.RedactedThinkingBlock):
            return redacted_block(self._family, block.data)
        return thinking_block(self._family, block.thinking, block.signature)

    def _marked(self, told: ContentBlock, block: messages.Block, where: str) -> Iterator[ContentBlock]:
        yield told
        point = self.cache.after(told, block.cache_control, where)
        if point is not None:
            yield ContentBlock(cache_point=point)

    def _image(
        self, source: messages.Base64Source | messages.UrlSource | messages.FileSource, place: str
    ) -> ImageBlock:
        match source:
            case messages.Base64Source(media_type=media_type, data=data):
                return image_of(Data(media_type.strip().lower(), parse_base64(data, f"{place}.data")), place)
            case messages.UrlSource(url=url):
                return self.images.image(url, f"{place}.url")
            case messages.FileSource():
                raise InvalidRequest.at(place, f"{NO_FILES}")

    def _document(self, block: messages.DocumentBlock, place: str) -> DocumentBlock:
        if block.citations is not None and block.citations.enabled:
            self._dropped.append("citations")
        document_format, data = _document_data(block, place)
        return DocumentBlock(
            format=document_format,
            name=self._names.take(block.title),
            source=Source(bytes=data),
            context=block.context or None,
        )


def as_blocks(content: str | Sequence[messages.TextBlock]) -> Sequence[messages.TextBlock]:
    """A string stands for one block of text."""
    return [messages.TextBlock(text=content)] if isinstance(content, str) else content


def _document_data(block: messages.DocumentBlock, place: str) -> tuple[str, str]:
    """The document's format, and its bytes in base64."""
    match block.source:
        case messages.Base64Source(media_type=media_type, data=data):
            return _document_format(media_type, block.title, place), parse_base64(data, f"{place}.data")
        case messages.TextSource(data=text):
            return "txt", _text_bytes(text, place)
        case messages.ContentSource(content=content):
            return "txt", _text_bytes("\n".join(part.text for part in as_blocks(content)), place)
        case messages.UrlSource():
            raise InvalidRequest.at(place, "documents behind URLs are not fetched: send the content as base64")
        case messages.FileSource():
            raise InvalidRequest.at(place, f"{NO_FILES}")


def _document_format(media_type: str, title: str | None, place: str) -> str:
    known = documents.FORMATS.get(media_type.strip().lower()) or documents.EXTENSIONS.get(extension(title or ""))
    if known is None:
        raise InvalidRequest.at(
            f"{place}.media_type", f"expected one of {', '.join(documents.FORMATS)}, got {media_type!r}"
        )
    return known


def _text_bytes(text: str, place: str) -> str:
    if not text:
        raise InvalidRequest.at(place, "the document is empty")
    return b64encode(text.encode()).decode()
