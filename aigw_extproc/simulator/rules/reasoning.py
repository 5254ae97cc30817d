"""Reasoning in the history: whether it may come back, and that it does so unchanged.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aigw_extproc.simulator import binding, reasoning
from aigw_extproc.simulator.capabilities import model_field, thinking
from aigw_extproc.simulator.rules.conversation import MODEL_ERRORS, Asked, Conversation, Problems, blocks, unsupported


def reasoning_may_come_back(asked: Asked) -> Problems:
    """No reasoning in the history of a family that does not want it, and no signature where there are none."""
    for _, _, content in _reasoning(asked.conversation):
        if not content.keys() <= asked.family.reasoning.history:
            yield "User messages cannot contain reasoning content. Please remove the reasoning content and try again."
        if asked.family.reasoning.form != "signed" and "signature" in content.get("reasoningText", {}):
            yield unsupported("reasoningContent.reasoningText.signature")


def reasoning_is_genuine(asked: Asked) -> Problems:
    """What Claude is said to have thought carries its signature, unchanged."""
    for i, j, content in _reasoning(asked.conversation) if asked.is_claude else ():
        place = f"{MODEL_ERRORS} messages.{i}.content.{j}"
        thought = content.get("reasoningText")
        if thought is None:
            if not reasoning.is_redacted(content["redactedContent"]):
                yield f"{place}: Invalid `data` in `redacted_thinking` block"
        elif not thought.get("signature"):
            yield f"{place}.thinking.signature: Field required"
        elif not reasoning.is_signed(thought["text"], thought["signature"]):
            yield f"{place}: Invalid `signature` in `thinking` block"


def reasoning_is_of_this_conversation(asked: Asked) -> Problems:
    """What is bound to its context comes back within the same one, unless the request says what else to do with it.

    https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
    """
    lenient = model_field(asked.conversation, "thinking", "block_binding", "prefix_mismatch_behavior") == "drop_block"
    for i, j, content in _reasoning(asked.conversation) if asked.family.reasoning.bound and not lenient else ():
        before = reasoning.context_of(content.get("reasoningText", {}).get("signature", ""))
        changed = binding.differing(before, binding.context(asked.conversation, i)) if before else []
        if changed:
            yield (
                f"{MODEL_ERRORS} messages.{i}.content.{j}: Invalid `signature` in `thinking` block. The block is bound"
                " to a different conversation. Remove the block, or set"
                ' `thinking.block_binding.prefix_mismatch_behavior` to "drop_block". That setting requires the'
                " `thinking-binding-controls-2026-08-01` value in the `anthropic-beta` header. The"
                f" `{changed[0]}` differs from the one this block was created with."
            )


def tool_loops_begin_with_reasoning(asked: Asked) -> Problems:
    """With a budget, the assistant's turns that are being answered by tools begin with what it thought."""
    turn = _first_of_tool_loop(asked.conversation)
    if turn is None or not asked.is_claude or not thinking(asked.conversation, asked.family).manual:
        return
    found = next(iter(asked.conversation["messages"][turn]["content"][0]))
    if found != "reasoningContent":
        yield (
            f"{MODEL_ERRORS} messages.{turn}.content.0.type: Expected `thinking` or `redacted_thinking`, but found"
            f" `{ANTHROPIC_TYPES.get(found, found)}`. When `thinking` is enabled, a final `assistant` message must"
            " start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We"
            " recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`."
            " Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
        )


ANTHROPIC_TYPES = {"toolUse": "tool_use"}


def _first_of_tool_loop(conversation: Conversation) -> int | None:
    """The first of the assistant's turns between the user's last words and the tool results at the end.

    The turns of one loop count as one turn, so what is thought at its beginning is enough.
    """
    first = None
    for index, message in reversed(list(enumerate(conversation.get("messages", ())))):
        if message["role"] == "assistant":
            first = index if _uses_tools(message) else first
        elif not any("toolResult" in block for block in message["content"]):
            break
    last = (conversation.get("messages") or [{}])[-1]
    return first if any("toolResult" in block for block in last.get("content", ())) else None


def _uses_tools(message: Mapping[str, Any]) -> bool:
    return any("toolUse" in block for block in message["content"])


def _reasoning(conversation: Conversation) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    for i, j, block in blocks(conversation):
        if "reasoningContent" in block:
            yield i, j, block["reasoningContent"]
