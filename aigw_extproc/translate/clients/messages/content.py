"""Content blocks of Anthropic's messages → Converse's content blocks.

https://docs.anthropic.com/en/api/messages
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar, assert_never

import msgspec
from msgspec.structs import replace

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.converse import (
    CitationsConfig,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    SearchResultBlock,
    Source,
    TextContent,
    ToolChange,
    ToolReference,
)
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.anthropic.server_blocks import server_block_text, tool_reference_text
from aigw_extproc.translate.contract import Fetched
from aigw_extproc.translate.converse import documents
from aigw_extproc.translate.converse.caching import CachePoints
from aigw_extproc.translate.converse.data import Data, parse_base64
from aigw_extproc.translate.converse.images import Images, image_of
from aigw_extproc.translate.converse.reasoning import redacted_block, thinking_block
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.wire import given

NO_FILES = "Bedrock keeps no files: send the content, not a file_id"

B = TypeVar("B", bound=messages.Block)

MediaBlock = (
    messages.TextBlock
    | messages.ImageBlock
    | messages.DocumentBlock
    | messages.SearchResultBlock
    | messages.ToolReferenceBlock
    | messages.ServerBlock
)
"""The blocks of messages and tool results."""


class ContentTranslator:
    """Translates the blocks of one request; what is left out is added to `dropped`."""

    def __init__(self, family: Family, fetched: Mapping[str, Fetched], dropped: list[str]) -> None:
        self.images = Images(fetched)
        self.cache = CachePoints(family, dropped)
        self._family = family
        self.dropped = dropped
        self._names = documents.DocumentNames()

    def instructions(
        self, content: Sequence[messages.SystemBlock], names: ToolNames, where: str, place: str
    ) -> Iterator[ContentBlock]:
        """Yield the blocks of a system message, and their cache points; nothing for blank text.

        Raises:
            InvalidRequest: it changes a tool that Bedrock does not know.
        """
        for index, block in enumerate(content):
            if isinstance(block, messages.TextBlock):
                yield from self.text([block], where)
            else:
                change = self._tool_change(block, names, f"{place}.content[{index}].tool.type")
                yield from self._marked(change, block, where)

    def _tool_change(
        self, block: messages.ToolAdditionBlock | messages.ToolRemovalBlock, names: ToolNames, place: str
    ) -> ContentBlock:
        if block.tool.type != "tool_reference":
            raise InvalidRequest.at(
                place,
                f"define the tool in tools and name it with a 'tool_reference': got {block.tool.type!r}",
            )
        change = ToolChange(ToolReference(type=block.tool.type, name=names.to_bedrock(block.tool.name)))
        adds = isinstance(block, messages.ToolAdditionBlock)
        if not self._family.system_role:
            self.dropped.append("messages.tool_addition" if adds else "messages.tool_removal")
        return ContentBlock(tool_addition=change) if adds else ContentBlock(tool_removal=change)

    def text(self, content: str | Sequence[messages.TextBlock], where: str) -> Iterator[ContentBlock]:
        """Yield blocks of text and their cache points; nothing for blank text."""
        for block in as_blocks(content):
            if block.text.strip():
                yield from self._marked(ContentBlock(text=block.text), block, where)

    def media(self, block: MediaBlock, place: str) -> Iterator[ContentBlock]:
        """Yield the block and the cache point after it; nothing for blank text.

        Raises:
            InvalidRequest: Bedrock does not support the block.
        """
        content = self.unmarked(block, place)
        if content is not None:
            yield from self._marked(content, block, "messages")

    def unmarked(self, block: MediaBlock, place: str) -> ContentBlock | None:
        """Return the block without its cache point; None for blank text.

        Raises:
            InvalidRequest: Bedrock does not support the block.
        """
        match block:
            case messages.TextBlock(text=text):
                return ContentBlock(text=text) if text.strip() else None
            case messages.ImageBlock(source=source):
                return ContentBlock(image=self._image(source, f"{place}.source"))
            case messages.DocumentBlock():
                return ContentBlock(document=self._document(block, f"{place}.source"))
            case messages.SearchResultBlock():
                return self._search_result(block)
            case messages.ToolReferenceBlock(tool_name=name):
                return ContentBlock(text=tool_reference_text(name))
            case messages.ServerBlock():
                return self._server_block(block)
            case _:
                assert_never(block)

    def reasoning(self, block: messages.ThinkingBlock | messages.RedactedThinkingBlock) -> ContentBlock | None:
        """Return the reasoning block; None if the model does not accept it in a history."""
        if block.cache_control is not None:
            self.cache.point(block.cache_control, "nowhere")
        if isinstance(block, messages.RedactedThinkingBlock):
            return redacted_block(self._family, block.data)
        return thinking_block(self._family, block.thinking, block.signature)

    def _marked(self, content: ContentBlock, block: messages.Block, where: str) -> Iterator[ContentBlock]:
        yield content
        point = self.cache.after(content, block.cache_control, where)
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
                raise InvalidRequest.at(place, NO_FILES)
            case _:
                assert_never(source)

    def _document(self, block: messages.DocumentBlock, place: str) -> DocumentBlock:
        citations = self._citations(block.citations)
        return DocumentBlock(
            format=_document_format(block, place),
            source=_document_source(block, place, cited=citations is not None),
            name=self._names.take(block.title),
            context=block.context or None,
            citations=citations,
        )

    def _citations(self, citations: messages.Citations | None) -> CitationsConfig | None:
        if citations is None or not citations.enabled:
            return None
        if not self._family.citations:
            self.dropped.append("citations")
            return None
        return CitationsConfig(enabled=True)

    def _search_result(self, block: messages.SearchResultBlock) -> ContentBlock:
        citations, texts = self._citations(block.citations), [part.text for part in block.content]
        if not self._family.citations:
            return ContentBlock(text="\n".join([block.title, block.source, *texts]))
        content = [TextContent(text) for text in texts]
        return ContentBlock(search_result=SearchResultBlock(block.source, block.title, content, citations))

    def _server_block(self, block: messages.ServerBlock) -> ContentBlock | None:
        kind = str(block.__struct_config__.tag)
        self.dropped.append(f"messages.{kind}")
        members = {name: msgspec.json.decode(given(getattr(block, name)) or b"null") for name in ("input", "content")}
        text = server_block_text({"type": kind, "name": block.name, **members})
        return ContentBlock(text=text) if text.strip() else None


def with_mark(blocks: Sequence[B], mark: messages.CacheControl | None) -> Sequence[B]:
    """Return the blocks of a message that has a cache mark of its own: it counts as one on the last block."""
    if mark is None or not blocks or blocks[-1].cache_control is not None:
        return blocks
    return [*blocks[:-1], replace(blocks[-1], cache_control=mark)]


def as_blocks(content: str | Sequence[messages.TextBlock]) -> Sequence[messages.TextBlock]:
    """Return the blocks of a content; a string is one block of text."""
    return [messages.TextBlock(text=content)] if isinstance(content, str) else content


def _document_format(block: messages.DocumentBlock, place: str) -> str:
    if not isinstance(block.source, messages.Base64Source):
        return "txt"
    media_type = block.source.media_type
    known = documents.document_format(media_type.strip().lower(), block.title or "")
    if known is None:
        raise InvalidRequest.at(
            f"{place}.media_type", f"expected one of {', '.join(documents.FORMATS)}, got {media_type!r}"
        )
    return known


def _document_source(block: messages.DocumentBlock, place: str, *, cited: bool) -> Source:
    if cited and isinstance(block.source, messages.ContentSource):
        return Source(content=[TextContent(part.text) for part in as_blocks(block.source.content)])
    return Source(bytes=_document_bytes(block, place))


def _document_bytes(block: messages.DocumentBlock, place: str) -> str:
    match block.source:
        case messages.Base64Source(data=data):
            return parse_base64(data, f"{place}.data")
        case messages.TextSource(data=text):
            return _text_bytes(text, place)
        case messages.ContentSource(content=content):
            return _text_bytes("\n".join(part.text for part in as_blocks(content)), place)
        case messages.UrlSource():
            raise InvalidRequest.at(place, "documents at URLs are not fetched: send the content as base64")
        case messages.FileSource():
            raise InvalidRequest.at(place, NO_FILES)
        case _:
            assert_never(block.source)


def _text_bytes(text: str, place: str) -> str:
    if not text:
        raise InvalidRequest.at(place, "the document is empty")
    return b64encode(text.encode()).decode()
