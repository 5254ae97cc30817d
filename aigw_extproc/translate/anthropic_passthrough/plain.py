"""Messages in which nothing has to be changed, found by one decoding: most are such, and keep their bytes.

What the types do not have, or not with this value, is for `content` to look at.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, Literal

import msgspec

from aigw_extproc.translate.anthropic_passthrough import known


class _Mark(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class _Inline(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A source that holds the data."""

    type: Literal["base64", "text"]
    media_type: str
    data: msgspec.Raw


_TYPES: dict[str, Any] = {"cache_control": _Mark, "source": _Inline, "input": msgspec.Raw, "is_error": bool}
"""By the name of the member; others are text."""
_WHERE_PLAIN = ("text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking")


def _struct(kind: str, content: Any) -> type[msgspec.Struct]:
    """Make the type of a block from its members in the table. Citations are to be looked at."""
    members = known.BLOCKS[f'"{kind}"'.encode()].keys() - {"type", "citations"}
    types = _TYPES | {"content": content}
    fields = [(name, types.get(name, str) | msgspec.UnsetType, msgspec.UNSET) for name in sorted(members)]
    return msgspec.defstruct(f"Plain_{kind}", fields, tag_field="type", tag=kind, forbid_unknown_fields=True, gc=False)


_IN_RESULTS: Any = reduce(or_, (_struct(kind, str) for kind in ("text", "image", "document")))
_BLOCKS: Any = reduce(or_, (_struct(kind, str | list[_IN_RESULTS]) for kind in _WHERE_PLAIN))


class _Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["user", "assistant"]
    content: str | list[_BLOCKS]


_MESSAGES = msgspec.json.Decoder(list[_Message])


def is_plain(messages: msgspec.Raw) -> bool:
    """Return whether Bedrock's strict body knows all members of these messages, and none is null or elsewhere."""
    try:
        _MESSAGES.decode(messages)
    except msgspec.MsgspecError:
        return False
    return True
