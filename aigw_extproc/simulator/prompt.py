"""Input and output of the simulated model, the same for every API."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aigw_extproc.simulator.script import Step

# A word with the white space after it is a token of this model.
TOKEN = re.compile(r"\S+\s*|\s+")

JSON_INSTRUCTION = re.compile(r"\b(?:answer|reply|respond)\b[^.\n]{0,40}\bJSON object\b", re.IGNORECASE)

ReasoningForm = Literal["signed", "plain", "encrypted", "hidden"]
"""signed: text with a signature; plain: text alone; encrypted: unreadable data; hidden: a placeholder for the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTool:
    """A tool that the model may use. `schema` is the JSON schema of its input."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedDocument:
    """A document to be cited: its index among all documents, its name and the excerpt to quote."""

    index: int
    title: str
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrompt:
    """The parts of a request that the reply depends on."""

    text: str
    """Text of the last user turn."""
    attachments: tuple[str, ...] = ()
    """Descriptions of that turn's media: `a png image of 68 bytes`."""
    tool_results: tuple[str, ...] = ()
    """That turn's tool results, as text."""
    tools: tuple[ModelTool, ...] = ()
    must_use_tool: bool = False
    """One of `tools` has to be used, whatever the text."""
    announces_tools: bool = True
    """Tool uses come after a text."""
    reasoning: ReasoningForm | None = None
    """The form of the reply's reasoning; None for no reasoning."""
    shows_reasoning: bool = True
    """Reasoning has its text, not only a signature."""
    binding: bytes = b""
    """Context that reasoning signatures are bound to."""
    answer_schema: Mapping[str, Any] | None = None
    """JSON schema of the reply's text."""
    wants_json: bool = False
    """The reply's text has to be a JSON object."""
    scripted: Step | None = None
    """What a script in the conversation says the model does in this turn."""
    cited: tuple[CitedDocument, ...] = ()
    blocked_by: str | None = None
    """Identifier of the guardrail that blocks the prompt."""
    max_tokens: int | None = None
    stop_sequences: tuple[str, ...] = ()
    input_tokens: int
    seed: bytes
    """The request's bytes: ids in the reply are derived from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyText:
    """A block of text, with the documents that it cites."""

    text: str
    cited: tuple[CitedDocument, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyToolUse:
    """A block that asks for a tool. `key` is unique in the conversation; each API adds its own prefix."""

    key: str
    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyReasoning:
    """A block of readable reasoning, with a signature in families that sign."""

    text: str
    signature: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyHiddenReasoning:
    """A block of unreadable reasoning. `data` is in base64."""

    data: str


ReplyBlock = ReplyText | ReplyToolUse | ReplyReasoning | ReplyHiddenReasoning


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """A turn of the model. `stop_reason` is one of Converse's names, which Anthropic's API shares."""

    key: str
    """Id of the turn, derived from the prompt."""
    content: tuple[ReplyBlock, ...]
    stop_reason: str
    stop_sequence: str | None = None
    input_tokens: int
    output_tokens: int


Model = Callable[[ModelPrompt], ModelReply]


def tokens(text: str) -> list[str]:
    """Return the tokens of a text; joined they are the text."""
    return TOKEN.findall(text)


def count_text(value: Any) -> int:
    """Return the number of tokens in a JSON value: keys do not count, scalars other than text are one token each."""
    match value:
        case str():
            return len(tokens(value))
        case dict():
            return sum(map(count_text, value.values()))
        case list():
            return sum(map(count_text, value))
        case _:
            return 1


def asks_for_json(system: str) -> bool:
    """Return whether a system prompt asks for a reply that is a JSON object."""
    return JSON_INSTRUCTION.search(system) is not None


def describe_attachment(kind: str, media_format: str, size: str) -> str:
    """Return a description of an image, a document, a video or an audio."""
    return f"a {media_format} {kind} of {size}"


def describe_tool_result(parts: Iterable[str], *, is_error: bool) -> str:
    """Return the text of a tool result."""
    text = " ".join(filter(None, parts)) or "nothing"
    return f"error: {text}" if is_error else text
