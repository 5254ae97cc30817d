"""Content blocks as Bedrock's strict body takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_

import msgspec

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.anthropic.server_blocks import is_server_block, server_block_text, tool_reference_text
from aigw_extproc.translate.anthropic_passthrough import known
from aigw_extproc.translate.anthropic_passthrough.members import (
    NULL,
    Fields,
    Strict,
    as_blocks,
    decode,
    encoded,
    text_block,
    without_nulls,
)
from aigw_extproc.translate.converse.schemas.keys import translated

NO_FILES = "Bedrock keeps no files: send the content, not a file_id"
NO_DOCUMENTS_BY_URL = "documents at URLs are not fetched: send the content as base64"

_CONTENT = msgspec.json.Decoder(str | list[Fields])
_FIELDS = msgspec.json.Decoder(Fields)
_STRING = msgspec.json.Decoder(str)
_TOOL_SEARCH = "tool_search_tool"
"""How names of the server's tools begin that Bedrock has."""


def strict_content(content: object, place: str, strict: Strict) -> object:
    """Return the content of a message, a tool result or a system prompt.

    Raises:
        InvalidRequest: Bedrock cannot read a block, and no other says the same.
    """
    if isinstance(content, msgspec.Raw):
        content = decode(_CONTENT, content, place)
    if isinstance(content, str) or not isinstance(content, list):
        return content
    return [block for index, item in enumerate(content) if (block := _block(item, f"{place}[{index}]", strict))]


def _block(block: Fields, place: str, strict: Strict) -> Fields | None:
    kind = bytes(block.get("type", NULL))
    members = known.BLOCKS.get(kind)
    if members is None:
        return _unknown(block, strict)
    if "caller" in block and msgspec.json.decode(block["caller"]) in known.DIRECT_CALLER:
        block = {name: value for name, value in block.items() if name != "caller"}
    kept = strict.cache_control(strict.keep_plain(block, members, "messages."))
    change = _CHANGES.get(kind)
    return change(kept, place, strict) if change else kept


def _unknown(block: Fields, strict: Strict) -> Fields | None:
    """Return a block of a type that is not in the table: of a server's tool as text, others as they are."""
    kind = str(msgspec.json.decode(block.get("type", NULL)))
    present = strict.cache_control({name: value for name, value in block.items() if value != NULL})
    if kind == "tool_reference":
        name = msgspec.json.decode(block.get("tool_name", NULL))
        return present if strict.request_beta(known.TOOL_SEARCH) else text_block(tool_reference_text(name))
    if not is_server_block(kind):
        return present
    decoded = {name: msgspec.json.decode(value) for name, value in present.items()}
    if _is_tool_search(kind, decoded) and strict.request_beta(known.TOOL_SEARCH):
        return {name: value for name, value in present.items() if name != "caller"}
    strict.drop(f"messages.{kind}")
    text = server_block_text(decoded)
    mark = {"cache_control": present["cache_control"]} if "cache_control" in present else {}
    return {**text_block(text), **mark} if text.strip() else None


def _is_tool_search(kind: str, block: dict[str, object]) -> bool:
    return kind == "tool_search_tool_result" or str(block.get("name")).startswith(_TOOL_SEARCH)


def _text(block: Fields, place: str, strict: Strict) -> Fields:
    if "citations" not in block:
        return block
    return {**block, "citations": without_nulls(block["citations"])}


def _image(block: Fields, place: str, strict: Strict) -> Fields:
    source = _source(block, place)
    match bytes(source.get("type", NULL)):
        case b'"url"':
            url = decode(_STRING, source.get("url", NULL), f"{place}.source.url")
            image = strict.images.image(url, f"{place}.source.url")
            if image.source.bytes is None:
                raise InvalidRequest.at(f"{place}.source.url", "AWSAnthropic does not read from S3")
            fetched = {"type": "base64", "media_type": f"image/{image.format}", "data": image.source.bytes}
            return {**block, "source": encoded(fetched)}
        case b'"file"':
            raise InvalidRequest.at(f"{place}.source", NO_FILES)
    return block


def _document(block: Fields, place: str, strict: Strict) -> Fields:
    source = _source(block, place)
    match bytes(source.get("type", NULL)):
        case b'"url"':
            raise InvalidRequest.at(f"{place}.source", NO_DOCUMENTS_BY_URL)
        case b'"file"':
            raise InvalidRequest.at(f"{place}.source", NO_FILES)
        case b'"content"':
            content = strict_content(source.get("content", ""), f"{place}.source.content", strict)
            return {**block, "source": encoded({**source, "content": content})}
    return block


def _source(block: Fields, place: str) -> Fields:
    return decode(_FIELDS, block.get("source", NULL), f"{place}.source")


def _tool_use(block: Fields, place: str, strict: Strict) -> Fields:
    aliases = strict.aliases and strict.aliases.get(str(msgspec.json.decode(block.get("name", NULL))))
    if not aliases or "input" not in block:
        return block
    return {**block, "input": translated(block["input"], aliases)}


def _tool_result(block: Fields, place: str, strict: Strict) -> Fields:
    content = block.get("content")
    if content is None or bytes(content).startswith(b'"'):
        return block
    given = decode(_CONTENT, content, f"{place}.content")
    kept = strict_content(given, f"{place}.content", strict)
    return block if _is_same(given, kept) else {**block, "content": encoded(kept)}


def _is_same(given: object, kept: object) -> bool:
    """Return whether no block has changed: then the member keeps its bytes."""
    if not isinstance(given, list) or not isinstance(kept, list):
        return given is kept
    return len(given) == len(kept) and all(map(is_, given, kept))


_CHANGES: dict[bytes, Callable[[Fields, str, Strict], Fields]] = {
    b'"text"': _text,
    b'"image"': _image,
    b'"document"': _document,
    b'"tool_use"': _tool_use,
    b'"tool_result"': _tool_result,
}


def marked_last(messages: Sequence[dict[str, object]], mark: msgspec.Raw) -> list[dict[str, object]] | None:
    """Return the messages with a cache mark on the last block that can have one; None if there is none.

    https://platform.claude.com/docs/en/build-with-claude/prompt-caching, "Automatic caching"
    """
    for index in reversed(range(len(messages))):
        content = messages[index].get("content")
        blocks = as_blocks(content) if isinstance(content, str | list) else []
        for place in reversed(range(len(blocks))):
            if "cache_control" in known.BLOCKS.get(bytes(blocks[place].get("type", NULL)), {}):
                blocks[place] = {**blocks[place], "cache_control": blocks[place].get("cache_control", mark)}
                return [*messages[:index], {**messages[index], "content": blocks}, *messages[index + 1 :]]
    return None
