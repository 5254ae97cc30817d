"""HTML that cannot be broken by the texts in it: every text is escaped, unless it is HTML already."""

from __future__ import annotations

from html import escape

_VOID = frozenset({"br", "hr", "input", "link", "meta"})


class Html(str):
    """Text that is HTML."""

    __slots__ = ()


Child = str | int | float | None
"""A text is escaped, unless it is Html; None is nothing."""


def join(*children: Child) -> Html:
    """Return the children one after the other."""
    return Html("".join(_html(child) for child in children))


def tag(element: str, *children: Child, **attributes: str | bool | int | None) -> Html:
    """Return an element.

    `class_` and `for_` are attributes with names that Python has for itself, and `_` becomes `-`. An attribute is
    left out if it is None or False, and has no value if it is True.
    """
    shown = "".join(_attribute(name, value) for name, value in attributes.items() if value not in (None, False))
    inner = join(*children)
    return Html(f"<{element}{shown}>" if element in _VOID else f"<{element}{shown}>{inner}</{element}>")


def _html(child: Child) -> str:
    if child is None:
        return ""
    return child if isinstance(child, Html) else escape(str(child))


def _attribute(name: str, value: str | bool | int | None) -> str:
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
