"""Text of a system message as it stands in a user turn."""

from __future__ import annotations

import re

_REMINDER = re.compile(r"\s*<system-reminder>.*</system-reminder>\s*", re.DOTALL)


def tool_change(name: str, *, adds: bool) -> str:
    """Return a change of the tools for a model that takes none within a conversation."""
    return f"From now on you may use the tool {name}." if adds else f"Do not use the tool {name} any more."


def reminder(text: str) -> str:
    """Return the text in the tags that Claude is trained on; some clients write them themselves."""
    return text if _REMINDER.fullmatch(text) else f"<system-reminder>{text}</system-reminder>"
