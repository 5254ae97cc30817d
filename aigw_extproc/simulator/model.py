"""The simulated model: it echoes, uses the tools that it is told of, and describes what it is shown.

The same prompt always has the same answer.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from hashlib import sha256

import msgspec

from aigw_extproc.simulator.examples import example
from aigw_extproc.simulator.prompt import Prompt, Reply, Text, Tool, ToolUse, count_text, tokens

LONGEST_QUOTE = 1000
"""Characters of a text that an answer repeats, so that a question of megabytes does not get an answer of megabytes."""


def complete(prompt: Prompt) -> Reply:
    """The model's answer.

    Tools whose names stand in the text are used, in their own order and all at once; where a tool must be used
    and none is named, the first. Otherwise there is a text, cut by stop sequences and `max_tokens`.
    """
    used = _tools_to_use(prompt)
    if not used:
        return _text_reply(prompt, _text(prompt))
    uses = tuple(_tool_use(tool, index, prompt.seed) for index, tool in enumerate(used))
    # A model that is free to choose says what it is about to do; one that is forced to use a tool does not.
    # https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use#forcing-tool-use
    said = () if prompt.must_use_tool else (Text(text=f"I will use {', '.join(tool.name for tool in used)}."),)
    content = (*said, *uses)
    return Reply(
        key=_key(prompt.seed),
        content=content,
        stop_reason="tool_use",
        input_tokens=prompt.input_tokens,
        output_tokens=sum(map(_size, content)),
    )


def lengthen(reply: Reply, words: int) -> Reply:
    """The same reply with a text of so many tokens instead."""
    text = "".join(f"word{number} " for number in range(1, words + 1)).rstrip()
    return replace(reply, content=(Text(text=text),), stop_reason="end_turn", output_tokens=words)


def _text(prompt: Prompt) -> str:
    if prompt.tool_results:
        return f"The tools answered: {'; '.join(map(_quoted, prompt.tool_results))}"
    seen = "".join(f" I see {attachment}." for attachment in prompt.attachments)
    return f"Hello! You said: {_quoted(prompt.text)}{seen}"


def _quoted(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


def _text_reply(prompt: Prompt, text: str) -> Reply:
    text, stop_sequence = _until_stop(text, prompt.stop_sequences)
    parts = tokens(text)
    stop_reason = "end_turn" if stop_sequence is None else "stop_sequence"
    if prompt.max_tokens is not None and len(parts) > prompt.max_tokens:
        parts, stop_reason, stop_sequence = parts[: prompt.max_tokens], "max_tokens", None
    return Reply(
        key=_key(prompt.seed),
        content=(Text(text="".join(parts)),) if parts else (),
        stop_reason=stop_reason,
        stop_sequence=stop_sequence,
        input_tokens=prompt.input_tokens,
        output_tokens=len(parts),
    )


def _until_stop(text: str, stop_sequences: tuple[str, ...]) -> tuple[str, str | None]:
    found = [(text.find(stop), stop) for stop in stop_sequences if stop in text]
    position, stop = min(found, default=(len(text), None))
    return text[:position], stop


def _tools_to_use(prompt: Prompt) -> list[Tool]:
    if prompt.tool_results and not prompt.must_use_tool:
        return []
    named = [tool for tool in prompt.tools if re.search(rf"(?<![\w-]){re.escape(tool.name)}(?![\w-])", prompt.text)]
    return named or list(prompt.tools[:1] if prompt.must_use_tool else ())


def _tool_use(tool: Tool, index: int, seed: bytes) -> ToolUse:
    return ToolUse(key=_key(b"%d:%s" % (index, seed)), name=tool.name, input=example(tool.schema))


def _key(seed: bytes) -> str:
    return base64.urlsafe_b64encode(sha256(seed).digest())[:22].decode()


def _size(block: Text | ToolUse) -> int:
    return len(tokens(block.text)) if isinstance(block, Text) else 1 + count_text(dict(block.input))


def input_deltas(use: ToolUse, size: int = 12) -> list[str]:
    """The input of a tool as it streams: an empty piece first, as Claude sends it, then JSON in pieces.

    An input without members streams as the empty piece alone.
    """
    text = msgspec.json.encode(use.input).decode() if use.input else ""
    return ["", *(text[start : start + size] for start in range(0, len(text), size))]
