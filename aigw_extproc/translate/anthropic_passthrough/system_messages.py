"""Messages of role system within a conversation, for models that do not take this role.

They stay in their place, as text of a user turn: in the system prompt each new one would change the beginning of the
prompt, and with it everything that is cached.
https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import msgspec

from aigw_extproc import wire
from aigw_extproc.bedrock.families import Family
from aigw_extproc.translate.converse.reminders import reminder, tool_change

Block = dict[str, msgspec.Raw]
Fields = dict[str, msgspec.Raw]


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[Block]
    cache_control: msgspec.Raw = msgspec.Raw()
    output_config: msgspec.Raw = msgspec.Raw()


class _Tool(msgspec.Struct, frozen=True):
    name: str = ""


TOOL_CHANGES = frozenset({"tool_addition", "tool_removal"})


class _Body(msgspec.Struct, frozen=True):
    messages: list[_Message] = []  # msgspec copies mutable defaults
    system: str | list[Block] | None = None


_BODY = msgspec.json.Decoder(_Body)
_MESSAGES = msgspec.json.Decoder(list[Fields])
_encode = msgspec.json.Encoder().encode


def with_system_in_place(fields: Fields, body: bytes, family: Family, dropped: list[str]) -> dict[str, object]:
    """Return the fields of a request in which no message has a role that the model does not take.

    Raises:
        InvalidRequest: a message lacks its role or content, or one has the wrong type.
    """
    if b'"system"' not in bytes(fields.get("messages", b"")):
        return dict(fields)
    request = wire.decode(_BODY, body)
    first = len(list(takewhile(lambda message: message.role == "system", request.messages)))
    changed: dict[str, object] = dict(fields)
    if first:
        prompt = [block for message in request.messages[:first] for block in _blocks(message, dropped)]
        changed["system"] = [*_as_blocks(request.system or []), *prompt]
    originals = _MESSAGES.decode(fields["messages"])[first:]
    if family.system_role:
        return changed | {"messages": originals}
    return changed | {"messages": _in_place(request.messages[first:], originals, dropped)}


def _in_place(messages: Sequence[_Message], originals: Sequence[Fields], dropped: list[str]) -> list[dict[str, object]]:
    """Return the messages, those of role system as text of the user turns before or after them."""
    placed: list[dict[str, object]] = []
    waiting: list[Block] = []
    """Of a system message after the assistant's: tool results have to come first."""
    for message, original in zip(messages, originals, strict=True):
        if message.role == "system":
            reminders = [_as_reminder(block) for block in _blocks(message, dropped)]
            if waiting or not placed or placed[-1]["role"] != _USER:
                waiting += reminders
            else:
                placed[-1] = {**placed[-1], "content": [*_content_of(placed[-1]), *reminders]}
        elif waiting and message.role == "user":
            blocks = _as_blocks(message.content)
            results = [block for block in blocks if block.get("type") == _TOOL_RESULT]
            others = [block for block in blocks if block.get("type") != _TOOL_RESULT]
            placed.append({**original, "content": [*results, *waiting, *others]})
            waiting = []
        else:
            placed += [_user(waiting)] if waiting else []
            placed.append(dict(original))
            waiting = []
    return [*placed, _user(waiting)] if waiting else placed


_USER = msgspec.Raw(b'"user"')
_TOOL_RESULT = msgspec.Raw(b'"tool_result"')
_TEXT = msgspec.Raw(b'"text"')
_CONTENT = msgspec.json.Decoder(str | list[Block])


def _user(blocks: list[Block]) -> dict[str, object]:
    return {"role": _USER, "content": blocks}


def _content_of(message: dict[str, object]) -> list[Block]:
    content = message["content"]
    if isinstance(content, msgspec.Raw):
        return _as_blocks(_CONTENT.decode(content))
    return content if isinstance(content, list) else []


def _as_blocks(content: str | list[Block]) -> list[Block]:
    return [{"type": _TEXT, "text": msgspec.Raw(_encode(content))}] if isinstance(content, str) else content


def _blocks(message: _Message, dropped: list[str]) -> list[Block]:
    """Return the blocks of a system message; a cache mark on it counts as one on the last block."""
    if wire.given(message.output_config) is not None:
        dropped.append("messages.output_config")
    blocks = [_in_words(block, dropped) for block in _as_blocks(message.content)]
    if wire.given(message.cache_control) is None or not blocks:
        return blocks
    return [*blocks[:-1], {"cache_control": message.cache_control, **blocks[-1]}]


def _in_words(block: Block, dropped: list[str]) -> Block:
    """Return a change of the tools as text: there is no other place for it."""
    kind = bytes(block.get("type", b"")).decode().strip('"')
    if kind not in TOOL_CHANGES:
        return block
    dropped.append(f"messages.{kind}")
    tool = msgspec.json.decode(block.get("tool", b"{}"), type=_Tool)
    text = tool_change(tool.name, adds=kind == "tool_addition")
    mark = {"cache_control": block["cache_control"]} if "cache_control" in block else {}
    return {"type": _TEXT, "text": msgspec.Raw(_encode(text)), **mark}


def _as_reminder(block: Block) -> Block:
    text = msgspec.json.decode(block.get("text", b'""'))
    return {**block, "text": msgspec.Raw(_encode(reminder(text)))} if isinstance(text, str) and text else block
