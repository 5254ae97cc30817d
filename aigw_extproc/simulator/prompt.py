"""What the simulated model reads and writes, whatever the API in which it was asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# A word with the white space that follows it: what this model calls a token.
TOKEN = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that the model may use. `schema` is the JSON schema of its input."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document that can be cited: its place among the documents, its name, and the text that is quoted of it."""

    index: int
    title: str
    quoted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A request, reduced to what the answer depends on."""

    text: str
    """The text of the last user turn."""
    attachments: tuple[str, ...] = ()
    """What else that turn holds, each in words: `a png image of 68 bytes`."""
    tool_results: tuple[str, ...] = ()
    """The results in that turn, as text."""
    tools: tuple[Tool, ...] = ()
    must_use_tool: bool = False
    """One of `tools` has to be used, whatever the text says."""
    announces_tools: bool = True
    """A text stands before the tools that are used."""
    reasoning: str | None = None
    """The form in which the answer's reasoning comes, as `capabilities.Reasoning` has it; None for no reasoning."""
    shows_reasoning: bool = True
    """Reasoning has its text, not its signature alone."""
    binding: bytes = b""
    """What signatures of reasoning are bound to besides its text."""
    answer_schema: Mapping[str, Any] | None = None
    """The JSON schema of the answer's text."""
    cited: tuple[Source, ...] = ()
    """Documents that the answer has to cite."""
    blocked_by: str | None = None
    """The guardrail that does not let the prompt through."""
    max_tokens: int | None = None
    stop_sequences: tuple[str, ...] = ()
    input_tokens: int
    seed: bytes
    """The whole request: ids in the answer are derived from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A block of text, with the documents that it rests on."""

    text: str
    cited: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A block that asks for a tool. `key` is unique in the conversation; APIs put their own prefix before it."""

    key: str
    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """A block of reasoning that can be read, with its signature where the family signs."""

    text: str
    signature: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenThought:
    """A block of reasoning that cannot be read. `data` is in base64."""

    data: str


Block = Text | ToolUse | Thought | HiddenThought


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A model's turn. `stop_reason` is one of Converse's names, which are Anthropic's too."""

    key: str
    """Names the turn; derived from the prompt."""
    content: tuple[Block, ...]
    stop_reason: str
    stop_sequence: str | None = None
    input_tokens: int
    output_tokens: int


Model = Callable[[Prompt], Reply]


def tokens(text: str) -> list[str]:
    """The tokens of a text; joined they are the text."""
    return TOKEN.findall(text)


def count_text(value: Any) -> int:
    """The tokens of all text in a JSON value: keys do not count, other scalars are one token each."""
    match value:
        case str():
            return len(tokens(value))
        case dict():
            return sum(map(count_text, value.values()))
        case list():
            return sum(map(count_text, value))
        case _:
            return 1
