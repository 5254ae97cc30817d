"""Reasoning in the history: whether the family supports it, and that it is unchanged.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aigw_extproc.simulator import reasoning
from aigw_extproc.simulator.capabilities import requested_reasoning
from aigw_extproc.simulator.converse_request import Conversation, blocks, messages, model_field, tool_use_ids
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, ModelRequest, Problems, unsupported


def reasoning_history_is_supported(request: ModelRequest) -> Problems:
    """The history has reasoning and signatures only if the family supports them."""
    for _, _, content in _reasoning(request.conversation):
        if not content.keys() <= request.family.reasoning.history:
            yield "User messages cannot contain reasoning content. Please remove the reasoning content and try again."
        if request.family.reasoning.form != "signed" and "signature" in content.get("reasoningText", {}):
            yield unsupported("reasoningContent.reasoningText.signature")


def reasoning_is_authentic(request: ModelRequest) -> Problems:
    """Claude's reasoning has a valid signature."""
    for i, j, content in _reasoning(request.conversation) if request.is_claude else ():
        place = f"{MODEL_ERRORS} messages.{i}.content.{j}"
        thought = content.get("reasoningText")
        if thought is None:
            if not reasoning.is_redacted(content["redactedContent"]):
                yield f"{place}: Invalid `data` in `redacted_thinking` block"
        elif not thought.get("signature"):
            yield f"{place}.thinking.signature: Field required"
        elif not reasoning.is_signed(thought["text"], thought["signature"]):
            yield f"{place}: Invalid `signature` in `thinking` block"


def reasoning_matches_its_conversation(request: ModelRequest) -> Problems:
    """Bound reasoning is returned in the context that it was created in, unless the request lets it be dropped.

    https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
    """
    lenient = model_field(request.conversation, "thinking", "block_binding", "prefix_mismatch_behavior") == "drop_block"
    for i, j, content in _reasoning(request.conversation) if request.family.reasoning.bound and not lenient else ():
        before = reasoning.context_of(content.get("reasoningText", {}).get("signature", ""))
        changed = reasoning.differing_parts(before, reasoning.context(request.conversation, i)) if before else []
        if changed:
            yield (
                f"{MODEL_ERRORS} messages.{i}.content.{j}: Invalid `signature` in `thinking` block. The block is bound"
                " to a different conversation. Remove the block, or set"
                ' `thinking.block_binding.prefix_mismatch_behavior` to "drop_block". That setting requires the'
                " `thinking-binding-controls-2026-08-01` value in the `anthropic-beta` header. The"
                f" `{changed[0]}` differs from the one this block was created with."
            )


def tool_loops_begin_with_reasoning(request: ModelRequest) -> Problems:
    """With a thinking budget, the assistant's turn of a pending tool loop begins with reasoning."""
    turn = _first_of_tool_loop(request.conversation)
    if turn is None or not request.is_claude or not requested_reasoning(request.conversation, request.family).manual:
        return
    kind = next(iter(request.conversation["messages"][turn]["content"][0]))
    if kind != "reasoningContent":
        yield (
            f"{MODEL_ERRORS} messages.{turn}.content.0.type: Expected `thinking` or `redacted_thinking`, but found"
            f" `{ANTHROPIC_TYPES.get(kind, kind)}`. When `thinking` is enabled, a final `assistant` message must"
            " start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We"
            " recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`."
            " Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
        )


ANTHROPIC_TYPES = {"toolUse": "tool_use"}


def _first_of_tool_loop(conversation: Conversation) -> int | None:
    """Return the index of the first assistant turn after the user's last text, if tool results come last.

    The turns of a tool loop count as one, so reasoning at its beginning is enough.
    """
    first = None
    for index, message in reversed(messages(conversation)):
        if message["role"] == "assistant":
            first = index if tool_use_ids(message, "toolUse") else first
        elif not tool_use_ids(message, "toolResult"):
            break
    ends_with_results = any(tool_use_ids(message, "toolResult") for _, message in messages(conversation)[-1:])
    return first if ends_with_results else None


def _reasoning(conversation: Conversation) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    for i, j, block in blocks(conversation):
        if "reasoningContent" in block:
            yield i, j, block["reasoningContent"]
