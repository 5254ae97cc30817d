"""Names of properties that Claude refuses in a tool's schema, and their aliases.

"Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'". An alias depends on the name only. The input of a tool
use has the aliases between the gateway and the model, and the client's names between the client and the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

import msgspec

from aigw_extproc.translate.converse.schemas.walk import with_subschemas
from aigw_extproc.translate.converse.tool_names import alias

Names = Mapping[str, str]

_VALID = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
_decode = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


def aliased(schema: object, aliases: dict[str, str]) -> object:
    """Return the schema with valid names of properties; their aliases are added to `aliases`, by name."""
    if not isinstance(schema, dict):
        return schema
    members = with_subschemas(schema, partial(aliased, aliases=aliases))
    properties = members.get("properties")
    if isinstance(properties, dict):
        members["properties"] = {_alias(name, aliases): _titled(name, value) for name, value in properties.items()}
    if isinstance(required := members.get("required"), list):
        members["required"] = [_alias(name, aliases) if isinstance(name, str) else name for name in required]
    return members


def _alias(name: str, aliases: dict[str, str]) -> str:
    if not _VALID.match(name):
        aliases[name] = alias(name)
    return aliases.get(name, name)


def _titled(name: str, schema: object) -> object:
    """Return a property's schema; one that gets an alias tells the model the name that is meant."""
    if _VALID.match(name) or not isinstance(schema, dict):
        return schema
    return {"title": name, **schema}


def renamed(key: str, names: Names) -> str:
    """Return the JSON of a key by its other name."""
    try:
        name = names.get(_decode(key))
    except msgspec.MsgspecError:
        return key
    return key if name is None else _encode(name).decode()


class KeyTranslator:
    """Replaces keys of objects in JSON that arrives in pieces, cut anywhere."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._open: list[str] = []
        """The brackets that are open."""
        self._key_next = False
        self._string: list[str] | None = None
        """The characters of an unfinished key, which is held back."""
        self._in_string = self._escaped = False

    def feed(self, text: str) -> str:
        """Return the text so far, but for an unfinished key."""
        return "".join(map(self._next, text))

    def close(self) -> str:
        """Return the key that the end of the text has cut."""
        held, self._string = self._string, None
        return "".join(held or ())

    def _next(self, char: str) -> str:
        if self._in_string:
            return self._in_text(char)
        match char:
            case '"':
                self._in_string = True
                if self._key_next:
                    self._string = [char]
                    return ""
            case "{" | "[":
                self._open.append(char)
                self._key_next = char == "{"
            case "}" | "]":
                self._key_next = False
                if self._open:
                    self._open.pop()
            case ",":
                self._key_next = self._open[-1:] == ["{"]
            case ":":
                self._key_next = False
        return char

    def _in_text(self, char: str) -> str:
        self._in_string = self._escaped or char != '"'
        self._escaped = char == "\\" and not self._escaped
        if self._string is None:
            return char
        self._string.append(char)
        return "" if self._in_string else self._key()

    def _key(self) -> str:
        return renamed(self.close(), self._names)


def translated(value: msgspec.Raw, names: Names) -> msgspec.Raw:
    """Return complete JSON with other keys."""
    return msgspec.Raw(_STRING.sub(lambda found: _renamed(found, names), bytes(value).decode()).encode())


_STRING = re.compile(r'("(?:[^"\\]|\\.)*+")(\s*+:)?')
"""A string of JSON; with a colon it is a key."""


def _renamed(found: re.Match[str], names: Names) -> str:
    return found[0] if found[2] is None else f"{renamed(found[1], names)}{found[2]}"
