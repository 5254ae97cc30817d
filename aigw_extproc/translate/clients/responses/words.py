"""What is said of a chat, in the words of the response that was asked for: paths of fields above all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aigw_extproc.openai import chat
from aigw_extproc.translate.clients.responses.messages import Retold

# Tried in this order.
_WORDS = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"response_format\.json_schema", "text.format"),
        (r"\bresponse_format\b", "text.format"),
        (r"\bmax_(completion_)?tokens\b", "max_output_tokens"),
        (r"\breasoning_effort\b", "reasoning.effort"),
        (r"\btools(\[\d+\])?\.function\b", r"tools\1"),
        (r"\btool_choice\.function\b", "tool_choice"),
        (r"\.tool_calls\[\d+\]\.function\b", ""),
        (r"\.tool_calls\b", ".call_id"),
        (r"\.file\.file_data\b", ".file_data"),
        (r"\btool_call_id\b", "call_id"),
        (r"a tool message with this call_id", "a function_call_output with this call_id"),
        (r"^messages\b(?!\[)", "input"),
    )
)
_MESSAGE = re.compile(r"\bmessages\[(\d+)\](\.content\b)?")
_TOOL = re.compile(r"\btools\[(\d+)\]")
_QUOTED = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")


@dataclass(frozen=True)
class Words:
    """Of one request: where its messages come from, and the indices of its tools."""

    told: Retold
    tools: Sequence[int]

    def of(self, text: str) -> str:
        """The text in the client's words; what is quoted is the client's anyway."""
        pieces = _QUOTED.split(text)
        return "".join(piece if index % 2 else self._told(piece) for index, piece in enumerate(pieces))

    def _told(self, text: str) -> str:
        for pattern, word in _WORDS:
            text = pattern.sub(word, text)
        text = _TOOL.sub(lambda match: f"tools[{self.tools[int(match[1])]}]", text)
        return _MESSAGE.sub(lambda match: self._place(int(match[1]), match[2] or ""), text)

    def _place(self, index: int, content: str) -> str:
        place = self.told.places[index]
        if not place.endswith("]"):  # the text itself
            return place
        return place + (".output" if content and isinstance(self.told.messages[index], chat.ToolMessage) else content)
