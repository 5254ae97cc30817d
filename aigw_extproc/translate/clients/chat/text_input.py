"""The input of a custom tool: a text, which the model writes as the only member of a JSON object."""

from __future__ import annotations

import json
import re
from typing import Final

import msgspec

_BEGIN: Final = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_HEX: Final = "[0-9a-fA-F]"
_PIECE: Final = re.compile(
    r'(?P<text>[^"\\]+)'
    rf"|(?P<pair>\\u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}})"
    rf"|(?P<half>\\u[dD][89abAB]{_HEX}{{2}}(?=[^\\]|\\[^u])|\\u[dD][c-fC-F]{_HEX}{{2}})"
    rf"|(?P<code>\\u(?![dD][89abAB]){_HEX}{{4}})"
    rf"|(?P<none>\\u(?={_HEX}{{0,3}}[^0-9a-fA-F]))"
    r"|(?P<escape>\\[^u])"
)
"""What can be decoded by itself. Models write escapes that JSON does not have: these are kept as they are."""
_ESCAPES: Final = {
    "\\b": "\b",
    "\\f": "\f",
    "\\n": "\n",
    "\\r": "\r",
    "\\t": "\t",
    '\\"': '"',
    "\\\\": "\\",
    "\\/": "/",
}


class _Arguments(msgspec.Struct, frozen=True):
    input: str


_ARGUMENTS = msgspec.json.Decoder(_Arguments)


def encode(text: str) -> str:
    """Return the arguments of the function for an input."""
    return msgspec.json.encode(_Arguments(text)).decode()


def decode(arguments: str) -> str:
    """Return the input in complete arguments."""
    decoder = TextInput()
    return decoder.feed(arguments) + decoder.close()


class TextInput:
    """Decodes the input while the arguments arrive."""

    def __init__(self) -> None:
        self._held = ""
        """Arguments that are not decoded yet."""
        self._begun = False

    def feed(self, fragment: str) -> str:
        """Take a fragment of the arguments, cut anywhere, and return the text that it adds to the input."""
        self._held += fragment
        if not self._begun:
            begin = _BEGIN.match(self._held)
            if begin is None:
                return ""
            self._begun, self._held = True, self._held[begin.end() :]
        text, end = "", 0
        while piece := _PIECE.match(self._held, end):
            text += _decoded(piece)
            end = piece.end()
        self._held = self._held[end:]
        return text

    def close(self) -> str:
        """Return the input if it could not be decoded yet: it is not the first member, or there is none."""
        if self._begun:
            return ""
        try:
            return _ARGUMENTS.decode(self._held).input
        except msgspec.MsgspecError:
            return self._held


def _decoded(piece: re.Match[str]) -> str:
    match piece.lastgroup:
        case "pair" | "code":
            decoded: str = json.loads(f'"{piece[0]}"')
            return decoded
        case "half":
            return "\N{REPLACEMENT CHARACTER}"
        case "escape":
            return _ESCAPES.get(piece[0], piece[0])
        case _:
            return piece[0]
