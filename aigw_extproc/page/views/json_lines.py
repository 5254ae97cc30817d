"""JSON with one line for each value, so that lines can be marked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from aigw_extproc.explain.bodies import cut
from aigw_extproc.page.markup import Html, join, tag

MAX_LINES: Final = 1500


def marked(body: bytes, marks: Mapping[str, tuple[str, str]]) -> Html:
    """Return a body as lines. `marks` has the kind and the reason for paths of values, `tools[0].function.name`."""
    try:
        value = msgspec.json.decode(body)
        lines = [(path, text) for path, text in _lines(value, "", "", "")]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        lines = [("", cut(body.decode(errors="replace")))]
    shown = [_line(text, marks.get(path)) for path, text in lines[:MAX_LINES]]
    rest = len(lines) - len(shown)
    return tag("pre", join(*shown), f"… and {rest:,} lines" if rest else None, tabindex=0)


def _line(text: str, mark: tuple[str, str] | None) -> Html:
    if mark is None:
        return join(text, "\n")
    kind, reason = mark
    return join(tag("mark", text, class_=kind, title=f"{kind}: {reason}"), "\n")


def _lines(value: Any, path: str, indent: str, before: str, after: str = "") -> Iterator[tuple[str, str]]:
    inner = f"{indent}  "
    if isinstance(value, dict) and value:
        yield path, f"{indent}{before}{{"
        for last, (name, member) in _with_last(value.items()):
            place = f"{path}.{name}" if path else name
            yield from _lines(member, place, inner, f"{_json(name)}: ", "" if last else ",")
        yield "", f"{indent}}}{after}"
    elif isinstance(value, list) and value:
        yield path, f"{indent}{before}["
        for last, (index, member) in _with_last(enumerate(value)):
            yield from _lines(member, f"{path}[{index}]", inner, "", "" if last else ",")
        yield "", f"{indent}]{after}"
    else:
        yield path, f"{indent}{before}{_json(cut(value) if isinstance(value, str) else value)}{after}"


def _with_last(items: Any) -> Iterator[tuple[bool, Any]]:
    found = list(items)
    return ((index == len(found) - 1, each) for index, each in enumerate(found))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
