"""Cache marks that the operator asks for, in messages that are passed on: where Converse gets its cache points.

https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from aigw_extproc.translate.anthropic_passthrough.members import NULL, Fields, Strict, as_blocks, decode
from aigw_extproc.translate.converse.automatic_caching import ATTACHMENT, LAST_TURNS, Shortfall

READ = ("text", "name", "description", "input_schema", "input", "content")
"""Members of blocks and tools that the model reads, but for reasoning."""
MARK = msgspec.Raw(b'{"type":"ephemeral"}')
REASONING = (msgspec.Raw(b'"thinking"'), msgspec.Raw(b'"redacted_thinking"'))
USER = msgspec.Raw(b'"user"')
_ATTACHMENTS = (msgspec.Raw(b'"image"'), msgspec.Raw(b'"document"'))
_CONTENT = msgspec.json.Decoder(str | list[Fields])
_MESSAGES = msgspec.json.Decoder(list[Fields])


def add_cache_marks(body: dict[str, object], places: Sequence[str], strict: Strict) -> None:
    """Add marks to a body that is being built, unless its client has marked it.

    `places` are `tools`, `system` and `turns`. There is no mark before the family's minimum length.
    """
    taken = strict.family.caching
    if not taken or strict.marks or _has_marks(body.get("messages")):
        return
    places = [place for place in places if place in taken or (place == "turns" and "messages" in taken)]
    shortfall = Shortfall(strict.family)
    tools = body.get("tools")
    if isinstance(tools, list) and shortfall.ends(map(_size, tools)) and "tools" in places:
        _mark_last(tools)
    if "system" in body:
        system = _blocks(body["system"], "system")
        if shortfall.ends(map(_size, system)) and "system" in places and _mark_last(system):
            body["system"] = system
    if "turns" in places:
        _mark_turns(body, shortfall)


def _mark_turns(body: dict[str, object], shortfall: Shortfall) -> None:
    """Mark the last turns of the user that are far enough into the prompt."""
    value = body.get("messages")
    messages = decode(_MESSAGES, value, "messages") if isinstance(value, msgspec.Raw) else value
    if not isinstance(messages, list):
        return
    turns: list[tuple[int, list[Fields]]] = []
    for index, message in enumerate(messages):
        content = _blocks(message.get("content", []), f"messages[{index}].content")
        if shortfall.ends(map(_size, content)) and message.get("role") == USER:
            turns.append((index, content))
    for index, content in turns[-LAST_TURNS:]:
        if _mark_last(content):
            messages[index] = {**messages[index], "content": content}
    body["messages"] = messages


def _mark_last(blocks: list[Fields]) -> bool:
    """Mark the last block that takes a mark, if any does."""
    for index in range(len(blocks) - 1, -1, -1):
        if blocks[index].get("type") not in REASONING and "defer_loading" not in blocks[index]:
            blocks[index] = {**blocks[index], "cache_control": MARK}
            return True
    return False


def _has_marks(messages: object) -> bool:
    """Return whether messages that have stayed as they are have marks; those of others are counted."""
    return isinstance(messages, msgspec.Raw) and b'"cache_control"' in bytes(messages)


def _blocks(content: object, place: str) -> list[Fields]:
    if isinstance(content, msgspec.Raw):
        content = decode(_CONTENT, content, place)
    return as_blocks(content) if isinstance(content, str | list) else []


def _size(block: Fields) -> int:
    """Return the characters that a block or a tool counts as, at least roughly."""
    if block.get("type") in _ATTACHMENTS:
        return ATTACHMENT
    content = block.get("content", NULL)
    parts = _blocks(content, "content") if bytes(content).startswith(b"[") else ()
    return sum(map(_size, parts)) if parts else sum(len(bytes(block.get(name, b""))) for name in READ)
