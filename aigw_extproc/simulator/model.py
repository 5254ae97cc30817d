"""The simulated model: it echoes text, uses the tools that the prompt asks for, and describes attachments.

A script in the prompt (`script`) decides instead what it does. The same prompt always gets the same reply. Reasoning
comes first; part of it is hidden when the prompt has the word "redact".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, assert_never

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
from aigw_extproc.simulator.script import Say, Step, Use

MAX_QUOTE = 1000
"""Characters of a text that a reply repeats, to keep replies to long prompts short."""

USE_TOOLS = re.compile(r"(?:^Use|\bnow use) ([\w-]+(?:(?:, | and )[\w-]+)*)")
"""Text that makes the model use tools: `Use NAME` at its beginning, or `now use NAME and NAME` anywhere.

In a tool result it makes loops of any length. The name of a tool alone does not count: the prompts of agents name all
of their tools.
"""

REFUSAL = "Sorry, the model cannot answer this question."
"""The default message of a guardrail.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateGuardrail.html
"""


def complete(prompt: ModelPrompt) -> ModelReply:
    """Return the model's reply.

    It uses the tools of a script, or all tools that the text or a tool result asks for (`USE_TOOLS`), in the order of
    `tools`; or the first tool where one must be used and none is asked for. Otherwise it replies with a text, cut by
    stop sequences and `max_tokens`.
    """
    if prompt.blocked_by is not None:
        return _reply(prompt, (ReplyText(text=REFUSAL),), "guardrail_intervened")
    uses = _tool_uses(prompt)
    thoughts = _reasoning(prompt)
    if not uses:
        return _text_reply(prompt, thoughts)
    # A model that is free to choose announces its tool uses; one that is forced to use a tool does not.
    # https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use#forcing-tool-use
    silent = prompt.must_use_tool or not prompt.announces_tools
    text = () if silent else (ReplyText(text=f"I will use {', '.join(use.name for use in uses)}."),)
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
    if prompt.scripted is not None:
        return _scripted_text(prompt.scripted)
    text = _answer(prompt)
    return msgspec.json.encode({"answer": text}).decode() if prompt.wants_json else text


def _scripted_text(step: Step) -> str:
    """Return the text of a step; of one with a tool, why it cannot be used."""
    return step.text if isinstance(step, Say) else f"The script uses {step.tool}, which is not among the tools."


def _answer(prompt: ModelPrompt) -> str:
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


def _tool_uses(prompt: ModelPrompt) -> tuple[ReplyToolUse, ...]:
    step = prompt.scripted
    if isinstance(step, Use) and any(tool.name == step.tool for tool in prompt.tools):
        return (_tool_use(step.tool, step.input, 0, prompt.seed),)
    if step is not None and not prompt.must_use_tool:
        return ()
    used = enumerate(_tools_to_use(prompt))
    return tuple(_tool_use(tool.name, example(tool.schema), index, prompt.seed) for index, tool in used)


def _tools_to_use(prompt: ModelPrompt) -> Sequence[ModelTool]:
    texts = (*prompt.tool_results, prompt.text)
    named = {name for text in texts for names in USE_TOOLS.findall(text) for name in re.split(", | and ", names)}
    used = [tool for tool in prompt.tools if tool.name in named]
    return used or (prompt.tools[:1] if prompt.must_use_tool else ())


def _tool_use(name: str, values: Mapping[str, Any], index: int, seed: bytes) -> ReplyToolUse:
    return ReplyToolUse(key=_key(b"%d:%s" % (index, seed)), name=name, input=values)


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
