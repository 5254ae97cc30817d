"""The simulated model: it echoes text, uses the tools that the text names, and describes attachments.

The same prompt always gets the same reply. Reasoning comes first; part of it is hidden when the prompt has the word
"redact".
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from hashlib import sha256
from typing import assert_never

import msgspec

from aigw_extproc.simulator import reasoning
from aigw_extproc.simulator.examples import example, example_value
from aigw_extproc.simulator.prompt import (
    ModelPrompt,
    ModelReply,
    ModelTool,
    ReplyBlock,
    ReplyHiddenReasoning,
    ReplyReasoning,
    ReplyText,
    ReplyToolUse,
    count_text,
    tokens,
)

MAX_QUOTE = 1000
"""Characters of a text that a reply repeats, to keep replies to long prompts short."""

NEXT_TOOL = re.compile(r"\bnow use ([\w-]+)")
"""Text in a tool result that makes the model use another tool, so that tool loops can have any length."""

REFUSAL = "Sorry, the model cannot answer this question."
"""The default message of a guardrail.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateGuardrail.html
"""


def complete(prompt: ModelPrompt) -> ModelReply:
    """Return the model's reply.

    It uses all tools that the text names, in the order of `tools`, or the first tool where one must be used and none
    is named. `now use NAME` in a tool result makes it use that tool. Otherwise it replies with a text, cut by stop
    sequences and `max_tokens`.
    """
    if prompt.blocked_by is not None:
        return _reply(prompt, (ReplyText(text=REFUSAL),), "guardrail_intervened")
    thoughts = _reasoning(prompt)
    used = _tools_to_use(prompt)
    if not used:
        return _text_reply(prompt, thoughts)
    uses = tuple(_tool_use(tool, index, prompt.seed) for index, tool in enumerate(used))
    # A model that is free to choose announces its tool uses; one that is forced to use a tool does not.
    # https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use#forcing-tool-use
    silent = prompt.must_use_tool or not prompt.announces_tools
    text = () if silent else (ReplyText(text=f"I will use {', '.join(tool.name for tool in used)}."),)
    return _reply(prompt, (*thoughts, *text, *uses), "tool_use")


def lengthen(reply: ModelReply, words: int) -> ModelReply:
    """Return the reply with a text of `words` tokens as its content."""
    text = "".join(f"word{number} " for number in range(1, words + 1)).rstrip()
    return replace(reply, content=(ReplyText(text=text),), stop_reason="end_turn", output_tokens=words)


def _reply(
    prompt: ModelPrompt, content: tuple[ReplyBlock, ...], stop_reason: str, stop_sequence: str | None = None
) -> ModelReply:
    return ModelReply(
        key=_key(prompt.seed),
        content=content,
        stop_reason=stop_reason,
        stop_sequence=stop_sequence,
        input_tokens=prompt.input_tokens,
        output_tokens=sum(map(_size, content)),
    )


def _reasoning(prompt: ModelPrompt) -> tuple[ReplyReasoning | ReplyHiddenReasoning, ...]:
    if prompt.reasoning is None:
        return ()
    about = f"about {_quoted(prompt.text)}" if prompt.text else "about what the tools answered"
    text = f"Let me think {about}." if prompt.shows_reasoning else ""
    hidden = ReplyHiddenReasoning(data=reasoning.redact(about))
    match prompt.reasoning:
        case "encrypted":
            return (hidden,)
        case "hidden":
            return (ReplyReasoning(text="[REDACTED]"),)
        case "signed":
            thought = ReplyReasoning(text=text, signature=reasoning.sign(text, prompt.binding))
            return (thought, hidden) if "redact" in prompt.text else (thought,)
        case "plain":
            return (ReplyReasoning(text=text),)
        case _:
            assert_never(prompt.reasoning)


def _text(prompt: ModelPrompt) -> str:
    if prompt.answer_schema is not None:
        return msgspec.json.encode(example_value(prompt.answer_schema)).decode()
    if prompt.tool_results:
        return f"The tools answered: {'; '.join(map(_quoted, prompt.tool_results))}"
    seen = "".join(f" I see {attachment}." for attachment in prompt.attachments)
    return f"Hello! You said: {_quoted(prompt.text)}{seen}"


def _quoted(text: str) -> str:
    return text if len(text) <= MAX_QUOTE else f"{text[:MAX_QUOTE]}…"


def _text_reply(prompt: ModelPrompt, thoughts: tuple[ReplyBlock, ...]) -> ModelReply:
    text, stop_sequence = _until_stop(_text(prompt), prompt.stop_sequences)
    parts = tokens(text)
    stop_reason = "end_turn" if stop_sequence is None else "stop_sequence"
    left = len(parts) if prompt.max_tokens is None else max(0, prompt.max_tokens - sum(map(_size, thoughts)))
    if len(parts) > left:
        parts, stop_reason, stop_sequence = parts[:left], "max_tokens", None
    content = (ReplyText(text="".join(parts), cited=prompt.cited),) if parts else ()
    return _reply(prompt, (*thoughts, *content), stop_reason, stop_sequence)


def _until_stop(text: str, stop_sequences: tuple[str, ...]) -> tuple[str, str | None]:
    matches = [(text.find(stop), stop) for stop in stop_sequences if stop in text]
    position, stop = min(matches, default=(len(text), None))
    return text[:position], stop


def _tools_to_use(prompt: ModelPrompt) -> list[ModelTool]:
    if prompt.tool_results and not prompt.must_use_tool:
        following = {name for result in prompt.tool_results for name in NEXT_TOOL.findall(result)}
        return [tool for tool in prompt.tools if tool.name in following]
    named = [tool for tool in prompt.tools if re.search(rf"(?<![\w-]){re.escape(tool.name)}(?![\w-])", prompt.text)]
    return named or list(prompt.tools[:1] if prompt.must_use_tool else ())


def _tool_use(tool: ModelTool, index: int, seed: bytes) -> ReplyToolUse:
    return ReplyToolUse(key=_key(b"%d:%s" % (index, seed)), name=tool.name, input=example(tool.schema))


def _key(seed: bytes) -> str:
    return base64.urlsafe_b64encode(sha256(seed).digest())[:22].decode()


def _size(block: ReplyBlock) -> int:
    match block:
        case ReplyText(text=text) | ReplyReasoning(text=text):
            return len(tokens(text))
        case ReplyHiddenReasoning():
            return 1
        case ReplyToolUse():
            return 1 + count_text(dict(block.input))
        case _:
            assert_never(block)


def input_deltas(use: ReplyToolUse, size: int = 12) -> list[str]:
    """Return the pieces in which a tool's input streams: an empty one, as from Claude, then JSON if it has members."""
    text = msgspec.json.encode(use.input).decode() if use.input else ""
    return ["", *(text[start : start + size] for start in range(0, len(text), size))]
