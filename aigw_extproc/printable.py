"""Text that others have written, for a log or a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return one line of text with controls, line breaks and bidirectional marks escaped, such as `\n` and `\u202e`.

    They could forge a line of a log, command a terminal, or make text look like another.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
