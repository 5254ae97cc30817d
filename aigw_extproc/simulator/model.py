"""The simulated model: it echoes, uses the tools that it is told of, and describes what it is shown.

The same prompt always has the same answer. Where it reasons, reasoning comes first; a part of that is hidden when the
prompt says "redact".
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from hashlib import sha256

import msgspec

from aigw_extproc.simulator import reasoning
from aigw_extproc.simulator.examples import example, example_value
from aigw_extproc.simulator.prompt import (
    Block,
    HiddenThought,
    Prompt,
    Reply,
    Text,
    Thought,
    Tool,
    ToolUse,
    count_text,
    tokens,
)

LONGEST_QUOTE = 1000
"""Characters of a text that an answer repeats, so that a question of megabytes does not get an answer of megabytes."""


NEXT_TOOL = re.compile(r"\bnow use ([\w-]+)")
"""How the answer of a tool leads to another tool, so that there are loops of any length."""

REFUSAL = "Sorry, the model cannot answer this question."
"""What guardrails say unless they are given other words.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateGuardrail.html
"""


def complete(prompt: Prompt) -> Reply:
    """The model's answer.

    Tools whose names stand in the text are used, in their own order and all at once; where a tool must be used
    and none is named, the first. What a tool answers leads to another one by `now use NAME`. Otherwise there is a
    text, cut by stop sequences and `max_tokens`.
    """
    if prompt.blocked_by is not None:
        return _reply(prompt, (Text(text=REFUSAL),), "guardrail_intervened")
    thoughts = _thoughts(prompt)
    used = _tools_to_use(prompt)
    if not used:
        return _text_reply(prompt, thoughts)
    uses = tuple(_tool_use(tool, index, prompt.seed) for index, tool in enumerate(used))
    # A model that is free to choose says what it is about to do; one that is forced to use a tool does not.
    # https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use#forcing-tool-use
    silent = prompt.must_use_tool or not prompt.announces_tools
    said = () if silent else (Text(text=f"I will use {', '.join(tool.name for tool in used)}."),)
    return _reply(prompt, (*thoughts, *said, *uses), "tool_use")


def lengthen(reply: Reply, words: int) -> Reply:
    """The same reply with a text of so many tokens instead."""
    text = "".join(f"word{number} " for number in range(1, words + 1)).rstrip()
    return replace(reply, content=(Text(text=text),), stop_reason="end_turn", output_tokens=words)


def _reply(prompt: Prompt, content: tuple[Block, ...], stop_reason: str, stop_sequence: str | None = None) -> Reply:
    return Reply(
        key=_key(prompt.seed),
        content=content,
        stop_reason=stop_reason,
        stop_sequence=stop_sequence,
        input_tokens=prompt.input_tokens,
        output_tokens=sum(map(_size, content)),
    )


def _thoughts(prompt: Prompt) -> tuple[Thought | HiddenThought, ...]:
    """What the model thinks before it answers, in the form of its family."""
    if prompt.reasoning is None:
        return ()
    about = f"about {_quoted(prompt.text)}" if prompt.text else "about what the tools answered"
    text = f"Let me think {about}." if prompt.shows_reasoning else ""
    hidden = HiddenThought(data=reasoning.redact(about))
    match prompt.reasoning:
        case "encrypted":
            return (hidden,)
        case "hidden":
            return (Thought(text="[REDACTED]"),)
        case "signed":
            thought = Thought(text=text, signature=reasoning.sign(text, prompt.binding))
            return (thought, hidden) if "redact" in prompt.text else (thought,)
        case _:
            return (Thought(text=text),)


def _text(prompt: Prompt) -> str:
    if prompt.answer_schema is not None:
        return msgspec.json.encode(example_value(prompt.answer_schema)).decode()
    if prompt.tool_results:
        return f"The tools answered: {'; '.join(map(_quoted, prompt.tool_results))}"
    seen = "".join(f" I see {attachment}." for attachment in prompt.attachments)
    return f"Hello! You said: {_quoted(prompt.text)}{seen}"


def _quoted(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


def _text_reply(prompt: Prompt, thoughts: tuple[Block, ...]) -> Reply:
    text, stop_sequence = _until_stop(_text(prompt), prompt.stop_sequences)
    parts = tokens(text)
    stop_reason = "end_turn" if stop_sequence is None else "stop_sequence"
    left = len(parts) if prompt.max_tokens is None else max(0, prompt.max_tokens - sum(map(_size, thoughts)))
    if len(parts) > left:
        parts, stop_reason, stop_sequence = parts[:left], "max_tokens", None
    said = (Text(text="".join(parts), cited=prompt.cited),) if parts else ()
    return _reply(prompt, (*thoughts, *said), stop_reason, stop_sequence)


def _until_stop(text: str, stop_sequences: tuple[str, ...]) -> tuple[str, str | None]:
    found = [(text.find(stop), stop) for stop in stop_sequences if stop in text]
    position, stop = min(found, default=(len(text), None))
    return text[:position], stop


def _tools_to_use(prompt: Prompt) -> list[Tool]:
    if prompt.tool_results and not prompt.must_use_tool:
        following = {name for answer in prompt.tool_results for name in NEXT_TOOL.findall(answer)}
        return [tool for tool in prompt.tools if tool.name in following]
    named = [tool for tool in prompt.tools if re.search(rf"(?<![\w-]){re.escape(tool.name)}(?![\w-])", prompt.text)]
    return named or list(prompt.tools[:1] if prompt.must_use_tool else ())


def _tool_use(tool: Tool, index: int, seed: bytes) -> ToolUse:
    return ToolUse(key=_key(b"%d:%s" % (index, seed)), name=tool.name, input=example(tool.schema))


def _key(seed: bytes) -> str:
    return base64.urlsafe_b64encode(sha256(seed).digest())[:22].decode()


def _size(block: Block) -> int:
    match block:
        case Text(text=text) | Thought(text=text):
            return len(tokens(text))
        case HiddenThought():
            return 1
        case ToolUse():
            return 1 + count_text(dict(block.input))


def input_deltas(use: ToolUse, size: int = 12) -> list[str]:
    """The input of a tool as it streams: an empty piece first, as Claude sends it, then JSON in pieces.

    An input without members streams as the empty piece alone.
    """
    text = msgspec.json.encode(use.input).decode() if use.input else ""
    return ["", *(text[start : start + size] for start in range(0, len(text), size))]
