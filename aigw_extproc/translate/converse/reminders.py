"""Text of a system message as it stands in a user turn."""

from __future__ import annotations

import re

_REMINDER = re.compile(r"\s*<system-reminder>.*</system-reminder>\s*", re.DOTALL)


def reminder(text: str) -> str:
    """Return the text in the tags that Claude is trained on; some clients write them themselves."""
    return text if _REMINDER.fullmatch(text) else f"<system-reminder>{text}</system-reminder>"
