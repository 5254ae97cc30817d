"""Reasoning: its parameters, what they exclude, and the reasoning blocks of the history.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking
https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aigw_extproc.simulator import reasoning
from aigw_extproc.simulator.capabilities import requested_effort, requested_reasoning
from aigw_extproc.simulator.converse_request import (
    Conversation,
    blocks,
    inference_config,
    messages,
    model_field,
    tool_choice,
    tool_use_ids,
)
from aigw_extproc.simulator.rules.problems import MODEL_ERRORS, ModelRequest, Problems, unsupported

MIN_BUDGET = 1024
MIN_TOP_P = 0.95
INTERLEAVED = "interleaved-thinking-2025-05-14"
"""The beta with which a budget may exceed maxTokens."""

GUIDE = "https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
CONSULT = f"Please consult our documentation at {GUIDE}"
CONSIDER = f"{CONSULT}#important-considerations-when-using-extended-thinking"
KNOWN_TYPES = ("adaptive", "between_tools", "disabled", "enabled")
ANTHROPIC_TYPES = {"toolUse": "tool_use"}


def thinking_type_is_supported(request: ModelRequest) -> Problems:
    """The family supports the `thinking.type`."""
    types = request.family.reasoning.types
    thinking = model_field(request.conversation, "thinking")
    if not types or thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind not in KNOWN_TYPES:
        tags = ", ".join(f"'{name}'" for name in types)
        yield f"{MODEL_ERRORS} thinking: Input tag '{kind}' found using 'type' does not match any of: {tags}"
    elif kind == "adaptive" and "adaptive" not in types:
        yield f"{MODEL_ERRORS} adaptive thinking is not supported on this model"
    elif kind not in types:
        yield f'{MODEL_ERRORS} "thinking.type.{kind}" is not supported for this model. {_instead(kind, types)}'


def thinking_budget_is_valid(request: ModelRequest) -> Problems:
    """A budget is at least 1024 tokens and less than maxTokens."""
    if not request.is_claude or not requested_reasoning(request.conversation, request.family).manual:
        return
    budget = model_field(request.conversation, "thinking", "budget_tokens")
    most = inference_config(request.conversation).get("maxTokens")
    betas = model_field(request.conversation, "anthropic_beta")
    if budget is None:
        yield f"{MODEL_ERRORS} thinking.enabled.budget_tokens: Field required"
    elif type(budget) is not int:
        yield f"{MODEL_ERRORS} thinking.enabled.budget_tokens: Input should be a valid integer"
    elif budget < MIN_BUDGET:
        yield (f"{MODEL_ERRORS} thinking.enabled.budget_tokens: Input should be greater than or equal to {MIN_BUDGET}")
    elif most is not None and budget >= most and not (isinstance(betas, list) and INTERLEAVED in betas):
        yield f"{MODEL_ERRORS} `max_tokens` must be greater than `thinking.budget_tokens`. {CONSULT}#max-tokens"


def effort_is_supported(request: ModelRequest) -> Problems:
    """The family supports the effort. Claude models that only have budgets support none."""
    support = request.family.reasoning
    only_budgets = not support.effort_path and support.types == ("enabled", "disabled")
    if only_budgets and model_field(request.conversation, "output_config", "effort") is not None:
        yield f"{MODEL_ERRORS} This model does not support the effort parameter."
    effort = requested_effort(request.conversation, support)
    if support.efforts and effort is not None and effort not in support.efforts:
        path = ".".join(support.effort_path)
        yield f"{MODEL_ERRORS} {path}: Input should be {_alternatives(support.efforts)}"


def thinking_restricts_sampling(request: ModelRequest) -> Problems:
    """Thinking excludes a temperature other than 1, a low top_p, and top_k."""
    if not request.is_claude or not requested_reasoning(request.conversation, request.family).on:
        return
    inference = inference_config(request.conversation)
    if inference.get("temperature", 1) != 1:
        yield f"{MODEL_ERRORS} `temperature` may only be set to 1 when thinking is enabled. {CONSIDER}"
    if inference.get("topP", 1) < MIN_TOP_P:
        yield (
            f"{MODEL_ERRORS} `top_p` must be greater than or equal to {MIN_TOP_P} or unset when thinking is enabled."
            f" {CONSIDER}"
        )
    if model_field(request.conversation, "top_k") is not None:
        yield f"{MODEL_ERRORS} `top_k` must be unset when thinking is enabled. {CONSIDER}"


def thinking_excludes_forced_tools(request: ModelRequest) -> Problems:
    """A thinking budget excludes forced tools. With adaptive thinking, the model then does not think."""
    forced = {"any", "tool"} & tool_choice(request.conversation).keys()
    own = model_field(request.conversation, "tool_choice", "type") in ("any", "tool")
    if (forced or own) and request.is_claude and requested_reasoning(request.conversation, request.family).manual:
        yield f"{MODEL_ERRORS} Thinking may not be enabled when tool_choice forces tool use."


def highest_effort_excludes_max_tokens(request: ModelRequest) -> Problems:
    """Nova does not support maxTokens at its highest effort.

    https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
    """
    nova = request.family.reasoning.effort_path == ("reasoningConfig", "maxReasoningEffort")
    high = nova and requested_effort(request.conversation, request.family.reasoning) == "high"
    limited = "maxTokens" in inference_config(request.conversation)
    if high and limited and requested_reasoning(request.conversation, request.family).on:
        yield unsupported("inferenceConfig.maxTokens", " when maxReasoningEffort is high")


def reasoning_history_is_supported(request: ModelRequest) -> Problems:
    """The history has reasoning and signatures only if the family supports them.

    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks
    """
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


def _instead(kind: str, types: tuple[str, ...]) -> str:
    if kind == "disabled" and "between_tools" in types:
        return 'To turn thinking off on this model, send "thinking": {"type": "between_tools"}.'
    return 'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'


def _alternatives(values: tuple[str, ...]) -> str:
    *others, last = (f"'{value}'" for value in values)
    return f"{', '.join(others)} or {last}"


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
