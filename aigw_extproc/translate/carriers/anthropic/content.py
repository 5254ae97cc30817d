"""Converse's content blocks and tools as Anthropic's.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from aigw_extproc.bedrock.converse import (
    CachePoint,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    ReasoningContent,
    SearchResultBlock,
    Source,
    SystemContentBlock,
    Tool,
    ToolResultBlock,
    ToolResultContentBlock,
    ToolUseBlock,
)
from aigw_extproc.errors import InvalidRequest

Fields: TypeAlias = dict[str, object]
"""A JSON object."""

READABLE = frozenset({"txt", "md", "csv", "html"})
"""Formats of documents that Anthropic takes as plain text."""


class _Markable(Protocol):
    @property
    def cache_point(self) -> CachePoint | None: ...


B = TypeVar("B", bound=_Markable)


def convert_content(blocks: Sequence[ContentBlock | SystemContentBlock]) -> list[Fields]:
    """Convert the content of a message, or a system prompt.

    Raises:
        InvalidRequest: Anthropic's API does not support such content.
    """
    return _marked(blocks, _convert)


def convert_tools(tools: Sequence[Tool]) -> list[Fields]:
    """Convert tools."""
    return _marked(tools, _tool)


def _marked(blocks: Sequence[B], convert: Callable[[B], Fields]) -> list[Fields]:
    """Convert blocks; a cache point becomes a mark on the block before it."""
    converted: list[Fields] = []
    for block in blocks:
        if block.cache_point is None:
            converted.append(convert(block))
        else:
            ttl = {} if block.cache_point.ttl is None else {"ttl": block.cache_point.ttl}
            converted[-1]["cache_control"] = {"type": "ephemeral", **ttl}
    return converted


def _convert(block: ContentBlock | SystemContentBlock | ToolResultContentBlock) -> Fields:
    kind, value = next((name, value) for name in block.__struct_fields__ if (value := getattr(block, name)) is not None)
    convert = _BLOCKS.get(kind)
    if convert is None:
        raise _unsupported(f"does not support {kind}")
    return convert(value)


def _tool(tool: Tool) -> Fields:
    spec = tool.tool_spec
    if spec is None:
        return {}  # a union without a member: there is none
    optional = {"description": spec.description, "strict": spec.strict}
    present = {name: value for name, value in optional.items() if value is not None}
    return {"name": spec.name, "input_schema": spec.input_schema.json, **present}


def _text(text: str) -> Fields:
    return {"type": "text", "text": text}


def _image(image: ImageBlock) -> Fields:
    source = {"type": "base64", "media_type": f"image/{image.format}", "data": _data(image.source)}
    return {"type": "image", "source": source}


def _document(document: DocumentBlock) -> Fields:
    if document.source.content is not None:
        texts = [_text(part.text) for part in document.source.content]
        return _cited({"type": "document", "source": {"type": "content", "content": texts}}, document)
    data = _data(document.source)
    if document.format == "pdf":
        source = {"type": "base64", "media_type": "application/pdf", "data": data}
    elif document.format in READABLE:
        source = {"type": "text", "media_type": "text/plain", "data": b64decode(data).decode(errors="replace")}
    else:
        formats = ", ".join(("pdf", *sorted(READABLE)))
        raise _unsupported(f"does not support documents of the format {document.format}; it takes {formats}")
    return _cited({"type": "document", "source": source}, document)


def _cited(block: Fields, document: DocumentBlock) -> Fields:
    context = {} if document.context is None else {"context": document.context}
    citations = {} if document.citations is None else {"citations": {"enabled": document.citations.enabled}}
    return {**block, "title": document.name, **context, **citations}


def _search_result(result: SearchResultBlock) -> Fields:
    citations = {} if result.citations is None else {"citations": {"enabled": result.citations.enabled}}
    content = [_text(part.text) for part in result.content]
    return {"type": "search_result", "source": result.source, "title": result.title, "content": content, **citations}


def _data(source: Source) -> str:
    if source.bytes is None:
        raise _unsupported("does not read from S3")
    return source.bytes


def _tool_use(use: ToolUseBlock) -> Fields:
    return {"type": "tool_use", "id": use.tool_use_id, "name": use.name, "input": use.input}


def _tool_result(result: ToolResultBlock) -> Fields:
    content = [_convert(block) for block in result.content]
    error = {"is_error": True} if result.status == "error" else {}
    return {"type": "tool_result", "tool_use_id": result.tool_use_id, "content": content, **error}


def _reasoning(reasoning: ReasoningContent) -> Fields:
    text = reasoning.reasoning_text
    if text is None:
        return {"type": "redacted_thinking", "data": reasoning.redacted_content}
    return {"type": "thinking", "thinking": text.text, "signature": text.signature or ""}


def _unsupported(fault: str) -> InvalidRequest:
    return InvalidRequest.at("messages", f"this model's backend speaks AWSAnthropic, which {fault}")


_BLOCKS: dict[str, Callable[[Any], Fields]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "reasoning_content": _reasoning,
}
"""By the member of a Converse content block."""
