"""Rules of requested reasoning, and of reasoning in the history."""

from __future__ import annotations

from typing import Any

import pytest

from aigw_extproc.simulator import rules
from aigw_extproc.simulator.errors import ServiceError
from aigw_extproc.simulator.reasoning import context, differing_parts, is_redacted, is_signed, redact, sign
from tests.simulator.conversations import (
    HI,
    assistant,
    hidden_thought,
    own,
    result,
    talk,
    thought,
    tool_talk,
    use,
    user,
)

SONNET_3_5 = "anthropic.claude-3-5-sonnet-20241022-v2:0"
SONNET_3_7 = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
SONNET_4_5 = "anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS_4_5 = "global.anthropic.claude-opus-4-5-20251101-v1:0"
OPUS_4_6 = "anthropic.claude-opus-4-6-v1"
OPUS_4_7 = "anthropic.claude-opus-4-7"
SONNET_5_5 = "anthropic.claude-sonnet-5-5"
OPUS_5_5 = "anthropic.claude-opus-5-5"
CLAUDE_9 = "anthropic.claude-opus-9"
NOVA_LITE = "amazon.nova-lite-v1:0"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
GPT_OSS = "openai.gpt-oss-120b-1:0"
GPT_6 = "openai.gpt-6-v1"
R1 = "us.deepseek.r1-v1:0"
UNKNOWN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"

ENABLED = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
ADAPTIVE = {"thinking": {"type": "adaptive"}}
MODEL = "The model returned the following errors: "
CONSIDER = (
    "Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
    "#important-considerations-when-using-extended-thinking"
)
BOUND = (
    "The block is bound to a different conversation. Remove the block, or set"
    ' `thinking.block_binding.prefix_mismatch_behavior` to "drop_block". That setting requires the'
    " `thinking-binding-controls-2026-08-01` value in the `anthropic-beta` header. The `{}` differs from the one this"
    " block was created with."
)
NO_REASONING = "User messages cannot contain reasoning content. Please remove the reasoning content and try again."


def forced(**more: Any) -> dict[str, Any]:
    tools = [{"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object"}}}}]
    return talk(user(), toolConfig={"tools": tools, "toolChoice": {"any": {}}}, **more)


def history(*blocks: Any, **more: Any) -> dict[str, Any]:
    return talk(user(), assistant(*blocks, HI), user(), **more)


def tool_loop(*first: Any, **more: Any) -> dict[str, Any]:
    return tool_talk(
        user(),
        assistant(*first, use("a")),
        user(result("a")),
        assistant(use("b")),
        user(result("b")),
        **{**own(**ENABLED), **more},
    )


BROKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "an unknown type": (
        SONNET_4_5,
        talk(**own(thinking={"type": "on"})),
        f"{MODEL}thinking: Input tag 'on' found using 'type' does not match any of: 'enabled', 'disabled'",
    ),
    "thinking that is a string": (
        OPUS_4_7,
        talk(**own(thinking="adaptive")),
        f"{MODEL}thinking: Input tag 'None' found using 'type' does not match any of: 'adaptive', 'disabled'",
    ),
    "adaptive where only budgets are known": (
        SONNET_4_5,
        talk(**own(**ADAPTIVE)),
        f"{MODEL}adaptive thinking is not supported on this model",
    ),
    "a budget where thinking is adaptive": (
        OPUS_4_7,
        talk(**own(**ENABLED)),
        (
            f'{MODEL}"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and'
            ' "output_config.effort" to control thinking behavior.'
        ),
    ),
    "a budget for Sonnet 5.5": (
        SONNET_5_5,
        talk(**own(**ENABLED)),
        (
            f'{MODEL}"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and'
            ' "output_config.effort" to control thinking behavior.'
        ),
    ),
    "disabled where thinking cannot be turned off": (
        OPUS_5_5,
        talk(**own(thinking={"type": "disabled"})),
        (
            f'{MODEL}"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive" and'
            ' "output_config.effort" to control thinking behavior.'
        ),
    ),
    "disabled where it is between_tools": (
        SONNET_5_5,
        talk(**own(thinking={"type": "disabled"})),
        (
            f'{MODEL}"thinking.type.disabled" is not supported for this model. To turn thinking off on this model, send'
            ' "thinking": {"type": "between_tools"}.'
        ),
    ),
    "no budget": (
        SONNET_4_5,
        talk(**own(thinking={"type": "enabled"})),
        f"{MODEL}thinking.enabled.budget_tokens: Field required",
    ),
    "a budget in a string": (
        SONNET_4_5,
        talk(**own(thinking={"type": "enabled", "budget_tokens": "1024"})),
        f"{MODEL}thinking.enabled.budget_tokens: Input should be a valid integer",
    ),
    "a budget that is too small": (
        SONNET_3_7,
        talk(**own(thinking={"type": "enabled", "budget_tokens": 1023})),
        f"{MODEL}thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    ),
    "a budget of all tokens": (
        SONNET_4_5,
        talk(inferenceConfig={"maxTokens": 1024}, **own(**ENABLED)),
        (
            f"{MODEL}`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at"
            " https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens"
        ),
    ),
    "an effort where there is none": (
        SONNET_4_5,
        talk(**own(output_config={"effort": "low"})),
        f"{MODEL}This model does not support the effort parameter.",
    ),
    "an effort that is too high": (
        OPUS_4_5,
        talk(**own(output_config={"effort": "max"})),
        f"{MODEL}output_config.effort: Input should be 'low', 'medium' or 'high'",
    ),
    "an effort that only later models have": (
        OPUS_4_6,
        talk(**own(output_config={"effort": "xhigh"})),
        f"{MODEL}output_config.effort: Input should be 'low', 'medium', 'high' or 'max'",
    ),
    "an unknown effort for Nova": (
        NOVA_2,
        talk(**own(reasoningConfig={"type": "enabled", "maxReasoningEffort": "max"})),
        f"{MODEL}reasoningConfig.maxReasoningEffort: Input should be 'low', 'medium' or 'high'",
    ),
    "no effort where there has to be some": (
        GPT_OSS,
        talk(**own(reasoning_effort="none")),
        f"{MODEL}reasoning_effort: Input should be 'low', 'medium' or 'high'",
    ),
    "an effort that is too low": (
        GPT_6,
        talk(**own(reasoning={"effort": "minimal"})),
        f"{MODEL}reasoning.effort: Input should be 'none', 'low', 'medium', 'high', 'xhigh' or 'max'",
    ),
    "a temperature": (
        SONNET_4_5,
        talk(inferenceConfig={"temperature": 0.5}, **own(**ENABLED)),
        f"{MODEL}`temperature` may only be set to 1 when thinking is enabled. {CONSIDER}",
    ),
    "a small top_p": (
        OPUS_4_6,
        talk(inferenceConfig={"topP": 0.9}, **own(**ADAPTIVE)),
        f"{MODEL}`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled. {CONSIDER}",
    ),
    "a top_k": (
        SONNET_4_5,
        talk(**own(top_k=5, **ENABLED)),
        f"{MODEL}`top_k` must be unset when thinking is enabled. {CONSIDER}",
    ),
    "a forced tool": (
        SONNET_4_5,
        forced(**own(**ENABLED)),
        f"{MODEL}Thinking may not be enabled when tool_choice forces tool use.",
    ),
    "a tool that is forced in Claude's own field": (
        SONNET_4_5,
        tool_talk(**own(tool_choice={"type": "any"}, **ENABLED)),
        f"{MODEL}Thinking may not be enabled when tool_choice forces tool use.",
    ),
    "Nova's highest effort with a limit": (
        NOVA_2,
        talk(
            inferenceConfig={"maxTokens": 100},
            **own(reasoningConfig={"type": "enabled", "maxReasoningEffort": "high"}),
        ),
        (
            "This model doesn't support the inferenceConfig.maxTokens field when maxReasoningEffort is high. Remove"
            " inferenceConfig.maxTokens and try again."
        ),
    ),
    "reasoning returned to R1": (R1, history(thought("Hm")), NO_REASONING),
    "reasoning returned to the first Nova": (NOVA_LITE, history(thought("Hm")), NO_REASONING),
    "a reasoning text returned to GPT": (GPT_6, history(thought("Hm")), NO_REASONING),
    "a signature where there are none": (
        GPT_OSS,
        history(thought("Hm", "")),
        (
            "This model doesn't support the reasoningContent.reasoningText.signature field. Remove"
            " reasoningContent.reasoningText.signature and try again."
        ),
    ),
    "a changed text": (
        SONNET_4_5,
        history(thought("Hm.", sign("Hm"))),
        f"{MODEL}messages.1.content.0: Invalid `signature` in `thinking` block",
    ),
    "a changed signature": (
        OPUS_5_5,
        history(thought("Hm", sign("Hm").replace("=", ""))),
        f"{MODEL}messages.1.content.0: Invalid `signature` in `thinking` block",
    ),
    "no signature": (
        SONNET_4_5,
        history(thought("Hm", sign("Hm")), thought("Hm")),
        f"{MODEL}messages.1.content.1.thinking.signature: Field required",
    ),
    "an empty signature": (
        SONNET_4_5,
        history(thought("Hm", "")),
        f"{MODEL}messages.1.content.0.thinking.signature: Field required",
    ),
    "hidden reasoning that was changed": (
        SONNET_4_5,
        history(hidden_thought("eA==")),
        f"{MODEL}messages.1.content.0: Invalid `data` in `redacted_thinking` block",
    ),
    "reasoning of another conversation": (
        OPUS_5_5,
        history(thought("Hm", sign("Hm", context(talk(system=[HI]), 1))), system=[{"text": "Ho"}]),
        f"{MODEL}messages.1.content.0: Invalid `signature` in `thinking` block. {BOUND.format('system')}",
    ),
    "a tool loop that begins without reasoning": (
        SONNET_4_5,
        tool_loop(HI),
        (
            f"{MODEL}messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`. When"
            " `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the"
            " lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from"
            " previous turns. To avoid this requirement, disable `thinking`. Please consult our documentation at"
            " https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
        ),
    ),
}


@pytest.mark.parametrize(("model", "conversation", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_rule_is_reported(model: str, conversation: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        rules.check(conversation, model)
    assert (caught.value.name, caught.value.message) == ("ValidationException", message)


KEPT: dict[str, tuple[str, dict[str, Any]]] = {
    "the smallest budget": (SONNET_4_5, talk(inferenceConfig={"maxTokens": 1025}, **own(**ENABLED))),
    "a budget without maxTokens": (SONNET_3_7, talk(**own(**ENABLED))),
    "a budget that exceeds one answer": (
        SONNET_4_5,
        talk(inferenceConfig={"maxTokens": 1000}, **own(anthropic_beta=["interleaved-thinking-2025-05-14"], **ENABLED)),
    ),
    "both ways of thinking in between": (OPUS_4_6, talk(**own(**ENABLED))),
    "all types for an unknown model": (
        UNKNOWN,
        talk(inferenceConfig={"temperature": 0.5}, **own(**ENABLED, reasoning_effort="utmost")),
    ),
    "an effort for a Claude that is not known": (CLAUDE_9, talk(**own(output_config={"effort": "utmost"}, **ADAPTIVE))),
    "an effort without thinking": (OPUS_4_5, talk(**own(output_config={"effort": "high"}))),
    "thinking between tools": (SONNET_5_5, talk(**own(thinking={"type": "between_tools"}))),
    "thinking that is disabled goes with anything": (
        SONNET_4_5,
        forced(inferenceConfig={"temperature": 0.5, "maxTokens": 1}, **own(thinking={"type": "disabled"}, top_k=5)),
    ),
    "a temperature of 1": (SONNET_4_5, talk(inferenceConfig={"temperature": 1}, **own(**ENABLED))),
    "a large top_p": (SONNET_4_5, talk(inferenceConfig={"topP": 0.95}, **own(**ENABLED))),
    "a forced tool where thinking is adaptive": (OPUS_4_6, forced(**own(**ADAPTIVE))),
    "Nova's highest effort without a limit": (
        NOVA_2,
        talk(**own(reasoningConfig={"type": "enabled", "maxReasoningEffort": "high"})),
    ),
    "Nova's lower efforts with a limit": (
        NOVA_2,
        talk(
            inferenceConfig={"maxTokens": 100}, **own(reasoningConfig={"type": "enabled", "maxReasoningEffort": "low"})
        ),
    ),
    "unsigned reasoning": (GPT_OSS, history(thought("Hm"))),
    "encrypted reasoning": (GPT_6, history(hidden_thought("eA=="))),
    "signed reasoning": (SONNET_4_5, history(thought("Hm", sign("Hm")))),
    "signed reasoning without text": (OPUS_4_7, history(thought("", sign("")))),
    "reasoning of the same conversation": (
        OPUS_5_5,
        history(thought("Hm", sign("Hm", context(talk(system=[HI]), 1))), system=[HI]),
    ),
    "reasoning of another conversation that is to be dropped": (
        OPUS_5_5,
        history(
            thought("Hm", sign("Hm", context(talk(system=[HI]), 1))),
            **own(thinking={"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}),
        ),
    ),
    "reasoning of another conversation where it is not bound": (
        OPUS_4_7,
        history(thought("Hm", sign("Hm", context(talk(system=[HI]), 1)))),
    ),
    "reasoning of both kinds": (SONNET_4_5, history(thought("Hm", sign("Hm")), hidden_thought(redact("Hm")))),
    "reasoning where none is requested": (SONNET_3_7, history(thought("Hm", sign("Hm")))),
    "any reasoning for an unknown model": (UNKNOWN, history(thought("Hm", "x"), thought("Hm"))),
    "a tool loop that begins with reasoning": (SONNET_4_5, tool_loop(thought("Hm", sign("Hm")))),
    "a tool loop that begins with hidden reasoning": (SONNET_4_5, tool_loop(hidden_thought(redact("Hm")))),
    "a tool loop without reasoning where none is requested": (SONNET_4_5, tool_loop(additionalModelRequestFields={})),
    "a tool loop without reasoning where it is adaptive": (OPUS_4_6, tool_loop(**own(**ADAPTIVE))),
    "a tool loop that is over": (
        SONNET_4_5,
        tool_talk(user(), assistant(use("a")), user(result("a")), assistant(), user(), **own(**ENABLED)),
    ),
}


@pytest.mark.parametrize(("model", "conversation"), KEPT.values(), ids=KEPT.keys())
def test_a_valid_request_passes(model: str, conversation: dict[str, Any]) -> None:
    assert rules.check(conversation, model) is None


def test_a_signature_is_of_one_text() -> None:
    assert (is_signed("Hm", sign("Hm")), is_signed("Hm.", sign("Hm")), is_signed("", "ü")) == (True, False, False)


def test_redacted_reasoning_is_recognized() -> None:
    assert (is_redacted(redact("Hm")), is_redacted("eA=="), is_redacted("-")) == (True, False, False)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({}, []),
        ({"system": [{"text": "Ho"}]}, ["system"]),
        ({"toolConfig": {"tools": []}}, ["tools"]),
        ({"messages": [user({"text": "Ho"}), assistant()]}, ["messages"]),
        ({"messages": [user(), assistant(HI, HI)]}, []),
        ({"messages": [user(HI, {"cachePoint": {"type": "default"}}), assistant()]}, []),
        ({"system": [], "toolConfig": {"tools": []}}, ["system", "tools"]),
    ],
    ids=["nothing", "system", "tools", "an earlier message", "a later message", "a cache point", "system and tools"],
)
def test_reasoning_is_bound_to_its_context(change: dict[str, Any], parts: list[str]) -> None:
    before = tool_talk(user(), assistant(), system=[HI])
    assert differing_parts(context(before, 1), context({**before, **change}, 1)) == parts
