"""Reasoning that a request asks for: in which words, and what it does not go with.

https://platform.claude.com/docs/en/build-with-claude/extended-thinking
https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
"""

from __future__ import annotations

from collections.abc import Mapping

from aigw_extproc.simulator.capabilities import effort, model_field, thinking
from aigw_extproc.simulator.rules.conversation import MODEL_ERRORS, Asked, Problems, unsupported

LEAST_BUDGET = 1024
LEAST_TOP_P = 0.95
INTERLEAVED = "interleaved-thinking-2025-05-14"
"""The beta with which a budget may exceed one answer."""

GUIDE = "https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
CONSULT = f"Please consult our documentation at {GUIDE}"
CONSIDER = f"{CONSULT}#important-considerations-when-using-extended-thinking"
KNOWN_TYPES = ("adaptive", "between_tools", "disabled", "enabled")


def thinking_is_of_a_known_type(asked: Asked) -> Problems:
    """`thinking.type` is one that the family has."""
    types = asked.family.reasoning.types
    asked_for = model_field(asked.conversation, "thinking")
    if not types or asked_for is None:
        return
    kind = asked_for.get("type") if isinstance(asked_for, Mapping) else None
    if kind not in KNOWN_TYPES:
        tags = ", ".join(f"'{name}'" for name in types)
        yield f"{MODEL_ERRORS} thinking: Input tag '{kind}' found using 'type' does not match any of: {tags}"
    elif kind == "adaptive" and "adaptive" not in types:
        yield f"{MODEL_ERRORS} adaptive thinking is not supported on this model"
    elif kind not in types:
        yield f'{MODEL_ERRORS} "thinking.type.{kind}" is not supported for this model. {_instead(kind, types)}'


def thinking_has_a_budget(asked: Asked) -> Problems:
    """A budget is at least 1024 tokens and leaves some of maxTokens."""
    if not asked.is_claude or not thinking(asked.conversation, asked.family).manual:
        return
    budget = model_field(asked.conversation, "thinking", "budget_tokens")
    most = asked.conversation.get("inferenceConfig", {}).get("maxTokens")
    betas = model_field(asked.conversation, "anthropic_beta")
    if budget is None:
        yield f"{MODEL_ERRORS} thinking.enabled.budget_tokens: Field required"
    elif type(budget) is not int:
        yield f"{MODEL_ERRORS} thinking.enabled.budget_tokens: Input should be a valid integer"
    elif budget < LEAST_BUDGET:
        yield (
            f"{MODEL_ERRORS} thinking.enabled.budget_tokens: Input should be greater than or equal to {LEAST_BUDGET}"
        )
    elif most is not None and budget >= most and not (isinstance(betas, list) and INTERLEAVED in betas):
        yield f"{MODEL_ERRORS} `max_tokens` must be greater than `thinking.budget_tokens`. {CONSULT}#max-tokens"


def effort_is_a_known_word(asked: Asked) -> Problems:
    """The effort is one of those that the family has. Claudes with a budget alone have none."""
    budgets_alone = not asked.family.reasoning.path and asked.family.reasoning.types == ("enabled", "disabled")
    if budgets_alone and model_field(asked.conversation, "output_config", "effort") is not None:
        yield f"{MODEL_ERRORS} This model does not support the effort parameter."
    words, word = asked.family.reasoning.words, effort(asked.conversation, asked.family.reasoning)
    if words and word is not None and word not in words:
        yield f"{MODEL_ERRORS} {'.'.join(asked.family.reasoning.path)}: Input should be {_alternatives(words)}"


def thinking_samples_freely(asked: Asked) -> Problems:
    """With thinking there is no temperature but 1, and neither top_p nor top_k."""
    if not asked.is_claude or not thinking(asked.conversation, asked.family).on:
        return
    inference = asked.conversation.get("inferenceConfig", {})
    if inference.get("temperature", 1) != 1:
        yield f"{MODEL_ERRORS} `temperature` may only be set to 1 when thinking is enabled. {CONSIDER}"
    if inference.get("topP", 1) < LEAST_TOP_P:
        yield (
            f"{MODEL_ERRORS} `top_p` must be greater than or equal to {LEAST_TOP_P} or unset when thinking is enabled."
            f" {CONSIDER}"
        )
    if model_field(asked.conversation, "top_k") is not None:
        yield f"{MODEL_ERRORS} `top_k` must be unset when thinking is enabled. {CONSIDER}"


def thinking_is_not_forced_to_use_tools(asked: Asked) -> Problems:
    """With a budget for thinking no tool can be forced. At the model's discretion it then does not think."""
    forced = {"any", "tool"} & asked.conversation.get("toolConfig", {}).get("toolChoice", {}).keys()
    own = model_field(asked.conversation, "tool_choice", "type") in ("any", "tool")
    if (forced or own) and asked.is_claude and thinking(asked.conversation, asked.family).manual:
        yield f"{MODEL_ERRORS} Thinking may not be enabled when tool_choice forces tool use."


def highest_effort_has_no_limit(asked: Asked) -> Problems:
    """Nova at its highest effort takes no maxTokens.

    https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
    """
    nova = asked.family.reasoning.path == ("reasoningConfig", "maxReasoningEffort")
    high = nova and effort(asked.conversation, asked.family.reasoning) == "high"
    limited = "maxTokens" in asked.conversation.get("inferenceConfig", {})
    if high and limited and thinking(asked.conversation, asked.family).on:
        yield unsupported("inferenceConfig.maxTokens", " when maxReasoningEffort is high")


def _instead(kind: str, types: tuple[str, ...]) -> str:
    if kind == "disabled" and "between_tools" in types:
        return 'To turn thinking off on this model, send "thinking": {"type": "between_tools"}.'
    return 'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'


def _alternatives(words: tuple[str, ...]) -> str:
    *others, last = (f"'{word}'" for word in words)
    return f"{', '.join(others)} or {last}"
