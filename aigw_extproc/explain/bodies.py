"""Bodies for people: with line breaks, and without the megabytes of an image."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_TEXT: Final = 500
"""Characters of one text; the rest of a longer one is only counted."""


def pretty(body: bytes) -> str:
    """Return a body with line breaks; one that is not JSON as it is."""
    try:
        return json.dumps(_cut(json.loads(body)), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return cut(body.decode(errors="replace"))


def cut(text: str) -> str:
    """Return a text, or its beginning and its length."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text):,} characters)"


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, dict):
        return {name: _cut(member) for name, member in value.items()}
    return [_cut(member) for member in value] if isinstance(value, list) else value
