"""Reasoning in responses, with a boto3 client."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from aigw_extproc.simulator.reasoning import redact, sign

SONNET_4_5 = "anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS_4_7 = "us.anthropic.claude-opus-4-7"
SONNET_5 = "anthropic.claude-sonnet-5"
ENABLED = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
TOOLS = {
    "tools": [
        {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object", "properties": {}}}}}
        for name in ("clock", "thermometer")
    ]
}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def content(bedrock: Any, model: str, text: str = "Hi", **more: Any) -> list[dict[str, Any]]:
    answer = bedrock.converse(modelId=model, messages=[user({"text": text})], **more)
    return list(answer["output"]["message"]["content"])


def fields(**own: Any) -> dict[str, Any]:
    return {"additionalModelRequestFields": own}


HI_THOUGHT = {"reasoningText": {"text": "Let me think about Hi.", "signature": sign("Let me think about Hi.")}}
PLAIN_THOUGHT = {"reasoningText": {"text": "Let me think about Hi."}}
WITHOUT_TEXT = {"reasoningText": {"text": "", "signature": sign("")}}


@pytest.mark.parametrize(
    ("model", "own", "reasoning"),
    [
        (SONNET_4_5, ENABLED, HI_THOUGHT),
        (SONNET_4_5, ENABLED | {"output_config": {}}, HI_THOUGHT),
        ("anthropic.claude-opus-4-6-v1", {"thinking": {"type": "adaptive"}}, HI_THOUGHT),
        (OPUS_4_7, {"thinking": {"type": "adaptive"}}, WITHOUT_TEXT),
        (OPUS_4_7, {"thinking": {"type": "adaptive", "display": "summarized"}}, HI_THOUGHT),
        (SONNET_5, {}, WITHOUT_TEXT),
        (
            "us.amazon.nova-2-lite-v1:0",
            {"reasoningConfig": {"type": "enabled"}},
            {"reasoningText": {"text": "[REDACTED]"}},
        ),
        ("us.deepseek.r1-v1:0", {}, PLAIN_THOUGHT),
        ("deepseek.v3-v1:0", {"reasoning_effort": "high"}, PLAIN_THOUGHT),
        ("qwen.qwen3-32b-v1:0", {"reasoning_config": "high"}, PLAIN_THOUGHT),
        ("openai.gpt-oss-20b-1:0", {}, PLAIN_THOUGHT),
        (
            "openai.gpt-6-v1",
            {"reasoning": {"effort": "low"}},
            {"redactedContent": base64.b64decode(redact("about Hi"))},
        ),
        ("simulator.slow-1", ENABLED, HI_THOUGHT),
    ],
)
def test_reasoning_comes_before_the_text(bedrock: Any, model: str, own: Any, reasoning: dict[str, Any]) -> None:
    assert content(bedrock, model, **fields(**own)) == [
        {"reasoningContent": reasoning},
        {"text": "Hello! You said: Hi"},
    ]


@pytest.mark.parametrize(
    ("model", "own"),
    [
        (SONNET_4_5, {}),
        (SONNET_4_5, {"thinking": {"type": "disabled"}}),
        (SONNET_5, {"thinking": {"type": "disabled"}}),
        ("anthropic.claude-sonnet-5-5", {"thinking": {"type": "between_tools"}}),
        ("us.amazon.nova-2-lite-v1:0", {"reasoningConfig": {"type": "disabled", "maxReasoningEffort": "low"}}),
        ("deepseek.v3-v1:0", {"reasoning_effort": "low"}),
        ("openai.gpt-6-v1", {"reasoning": {"effort": "none"}}),
        ("amazon.nova-lite-v1:0", {}),
    ],
)
def test_without_reasoning_there_is_only_text(bedrock: Any, model: str, own: Any) -> None:
    assert content(bedrock, model, **fields(**own)) == [{"text": "Hello! You said: Hi"}]


def test_reasoning_streams_with_its_signature_at_the_end(bedrock: Any) -> None:
    messages = [user({"text": "Hi"})]
    stream = bedrock.converse_stream(modelId=SONNET_4_5, messages=messages, **fields(**ENABLED))["stream"]
    assert list(stream)[:9] == [
        {"messageStart": {"role": "assistant"}},
        *(
            {"contentBlockDelta": {"delta": {"reasoningContent": delta}, "contentBlockIndex": 0}}
            for delta in (
                *({"text": word} for word in ("Let ", "me ", "think ", "about ", "Hi.")),
                {"signature": sign("Let me think about Hi.")},
            )
        ),
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "Hello! "}, "contentBlockIndex": 1}},
    ]


def test_hidden_reasoning_streams_as_one_delta(bedrock: Any) -> None:
    whole = content(bedrock, SONNET_4_5, "redact", **fields(**ENABLED))
    messages = [user({"text": "redact"})]
    stream = bedrock.converse_stream(modelId=SONNET_4_5, messages=messages, **fields(**ENABLED))["stream"]
    second = [event for event in stream if any(part.get("contentBlockIndex") == 1 for part in event.values())]
    assert second == [
        {"contentBlockDelta": {"delta": {"reasoningContent": whole[1]["reasoningContent"]}, "contentBlockIndex": 1}},
        {"contentBlockStop": {"contentBlockIndex": 1}},
    ]


def test_a_tool_loop_of_three_turns_returns_reasoning(bedrock: Any) -> None:
    messages = [user({"text": "redact, and now use clock"})]
    kinds = []
    for said in ("now use thermometer", "now use clock", "done"):
        answer = bedrock.converse(modelId=SONNET_4_5, messages=messages, toolConfig=TOOLS, **fields(**ENABLED))
        message = answer["output"]["message"]
        kinds.append([next(iter(block)) for block in message["content"]])
        used = message["content"][-1]["toolUse"]["toolUseId"]
        messages += [message, user({"toolResult": {"toolUseId": used, "content": [{"text": said}]}})]
    answer = bedrock.converse(modelId=SONNET_4_5, messages=messages, toolConfig=TOOLS, **fields(**ENABLED))
    thinking = "Let me think about what the tools answered."
    assert kinds == [
        ["reasoningContent", "reasoningContent", "text", "toolUse"],
        *[["reasoningContent", "text", "toolUse"]] * 2,
    ]
    assert answer["output"]["message"]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": thinking, "signature": sign(thinking)}}},
        {"text": "The tools answered: done"},
    ]


def test_bound_reasoning_is_valid_only_in_its_own_conversation(bedrock: Any) -> None:
    model = "anthropic.claude-opus-5-5"
    messages = [user({"text": "Hi"})]
    answer = bedrock.converse(modelId=model, messages=messages, system=[{"text": "Be brief"}])
    messages += [answer["output"]["message"], user({"text": "Bye"})]
    again = bedrock.converse(modelId=model, messages=messages, system=[{"text": "Be brief"}])
    with pytest.raises(bedrock.exceptions.ValidationException, match="The `system` differs from the one this block"):
        bedrock.converse(modelId=model, messages=messages, system=[{"text": "Be long"}])
    assert again["stopReason"] == "end_turn"


def test_reasoning_counts_as_output(bedrock: Any) -> None:
    messages = [user({"text": "Hi"})]
    answer = bedrock.converse(modelId=SONNET_4_5, messages=messages, **fields(**ENABLED))
    assert answer["usage"]["outputTokens"] == 9


def test_reasoning_can_use_up_all_tokens(bedrock: Any) -> None:
    members = {"inferenceConfig": {"maxTokens": 3}, **fields(thinking={"type": "adaptive"})}
    answer = bedrock.converse(modelId="anthropic.claude-opus-4-6-v1", messages=[user({"text": "Hi"})], **members)
    assert (answer["output"]["message"]["content"], answer["stopReason"]) == (
        [{"reasoningContent": HI_THOUGHT}],
        "max_tokens",
    )
