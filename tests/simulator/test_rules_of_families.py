"""Parameters, tools and content that some families do not support."""

from __future__ import annotations

from typing import Any

import pytest

from aigw_extproc.simulator import rules
from aigw_extproc.simulator.errors import Invalid, ServiceError
from tests.simulator.conversations import (
    HI,
    TOOLS,
    assistant,
    document,
    image,
    own,
    result,
    talk,
    tool_talk,
    use,
    user,
)

CLAUDE_2 = "anthropic.claude-v2:1"
HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"
OPUS_4_1 = "us.anthropic.claude-opus-4-1-20250805-v1:0"
OPUS_4_6 = "anthropic.claude-opus-4-6-v1"
OPUS_4_7 = "global.anthropic.claude-opus-4-7"
OPUS_5 = "anthropic.claude-opus-5"
SONNET_5_5 = "anthropic.claude-sonnet-5-5"
NOVA_MICRO = "amazon.nova-micro-v1:0"
NOVA_PRO = "us.amazon.nova-pro-v1:0"
NOVA_2 = "amazon.nova-2-lite-v1:0"
TITAN = "amazon.titan-text-express-v1"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
LLAMA_4 = "meta.llama4-scout-17b-instruct-v1:0"
LLAMA_1B = "us.meta.llama3-2-1b-instruct-v1:0"
MISTRAL = "mistral.mistral-large-2402-v1:0"
R1 = "deepseek.r1-v1:0"
GPT_6 = "openai.gpt-6-v1"
GROK = "xai.grok-4.6"
KIMI = "moonshotai.kimi-k3"
WRITER = "writer.palmyra-x5-v1:0"
PROMPT = "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDE12345:1"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.meta.llama3-3-70b-instruct-v1:0"
UNKNOWN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"

MODEL = "The model returned the following errors: "
VIDEO: dict[str, Any] = {"video": {"format": "mp4", "source": {"bytes": "eA=="}}}
S3_IMAGE: dict[str, Any] = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/key"}}}}
PDF = document("a", "JVBERi0xLjc=", "pdf")
POINT: dict[str, Any] = {"cachePoint": {"type": "default"}}


def unsupported(field: str, where: str = "") -> str:
    return f"This model doesn't support the {field} field{where}. Remove {field} and try again."


def mixed(index: int, kind: str) -> str:
    return f"messages.{index}.content: Conversation blocks and tool {kind} blocks cannot be provided in the same turn."


def chosen(choice: dict[str, Any], **more: Any) -> dict[str, Any]:
    return talk(toolConfig={**TOOLS, "toolChoice": choice}, **more)


def sampled(**parameters: Any) -> dict[str, Any]:
    return talk(inferenceConfig=parameters)


def schema(value: dict[str, Any]) -> dict[str, Any]:
    return talk(toolConfig={"tools": [{"toolSpec": {"name": "clock", "inputSchema": {"json": value}}}]})


def answered(*content: Any, beside: tuple[Any, ...] = (), **more: str) -> dict[str, Any]:
    return tool_talk(user(), assistant(use("a")), user(result("a", *content, **more), *beside))


REFERRING = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/A"}},
    "$defs": {"A": {"type": "string"}},
}
BROKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "both ways of sampling": (
        OPUS_4_1,
        sampled(temperature=0.5, topP=0.9),
        f"{MODEL}`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
    ),
    "an instruction in the conversation": (
        OPUS_4_7,
        talk(user(), {"role": "system", "content": [HI]}),
        f"{MODEL}role 'system' is not supported on this model",
    ),
    "a temperature for a new Claude": (
        OPUS_4_7,
        sampled(temperature=1),
        f"{MODEL}`temperature` is deprecated for this model.",
    ),
    "a top_p for a new Claude": (OPUS_5, sampled(topP=1), f"{MODEL}`top_p` is deprecated for this model."),
    "a top_k for a new Claude": (OPUS_4_7, talk(**own(top_k=5)), f"{MODEL}`top_k` is deprecated for this model."),
    "a temperature for GPT": (GPT_6, sampled(temperature=0), unsupported("temperature")),
    "a topP for Grok": (GROK, sampled(topP=1), unsupported("topP")),
    "stop sequences": (GROK, sampled(stopSequences=["x"]), unsupported("stopSequences")),
    "a low limit for GPT": (
        GPT_6,
        sampled(maxTokens=15),
        (
            f"{MODEL}Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 15"
            " instead."
        ),
    ),
    "alternatives at the root of a schema": (
        OPUS_5,
        schema({"type": "object", "anyOf": [{}]}),
        (f"{MODEL}tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"),
    ),
    "a property that Claude cannot have": (
        SONNET_4,
        schema({"type": "object", "properties": {"a": {"items": {"properties": {"$b": {}}}}}}),
        (
            f"{MODEL}tools.0.custom.input_schema.properties: Property keys should match pattern"
            " '^[a-zA-Z0-9_.-]{1,64}$'"
        ),
    ),
    "system messages": (
        TITAN,
        talk(system=[HI]),
        (
            "This model doesn't support system messages. Try again without a system message or use a model that"
            " supports system messages."
        ),
    ),
    "a prefill": (
        OPUS_4_6,
        talk(user(), assistant()),
        f"{MODEL}This model does not support assistant message prefill. The conversation must end with a user message.",
    ),
    "a field that Claude does not have": (
        SONNET_4,
        talk(**own(reasoning_effort="low")),
        f"{MODEL}reasoning_effort: Extra inputs are not permitted",
    ),
    "thinking where there is none": (
        HAIKU_3,
        talk(**own(thinking={"type": "enabled", "budget_tokens": 1024})),
        f"{MODEL}thinking: Extra inputs are not permitted",
    ),
    "a field that Nova does not have": (
        NOVA_PRO,
        talk(**own(top_k=5)),
        (
            f"{MODEL}Malformed input request: #: extraneous key [top_k] is not permitted, please reformat your input"
            " and try again."
        ),
    ),
    "a field that GPT does not have": (
        GPT_6,
        talk(**own(reasoning_effort="low")),
        "Unknown parameter: 'reasoning_effort'.",
    ),
    "a hyphen in a tool's name for Nova": (
        NOVA_PRO,
        talk(toolConfig={"tools": [{"toolSpec": {"name": "a-b", "inputSchema": {"json": {"type": "object"}}}}]}),
        (
            "Model produced invalid sequence as part of ToolUse. Please refer to the model tool use troubleshooting"
            " guide."
        ),
    ),
    "a reference in a tool's schema for Nova": (
        NOVA_PRO,
        talk(toolConfig={"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": REFERRING}}}]}),
        f"{MODEL}toolConfig.tools.0.toolSpec.inputSchema.json: references are not supported",
    ),
    "tools for an old Claude": (CLAUDE_2, tool_talk(), "This model doesn't support tool use."),
    "tools for R1": (R1, tool_talk(), "This model doesn't support tool use."),
    "tools for a small Llama": (LLAMA_1B, tool_talk(), "This model doesn't support tool use."),
    "any tool for Llama": (LLAMA, chosen({"any": {}}), unsupported("toolConfig.toolChoice.any")),
    "one tool for Llama by its profile": (
        PROFILE,
        chosen({"tool": {"name": "clock"}}),
        unsupported("toolConfig.toolChoice.tool"),
    ),
    "one tool for Mistral": (MISTRAL, chosen({"tool": {"name": "clock"}}), unsupported("toolConfig.toolChoice.tool")),
    "any tool for the newest Claude": (
        SONNET_5_5,
        chosen({"any": {}}),
        f'{MODEL}tool_choice: type "tool" and "any" are not supported',
    ),
    "a tool that is chosen twice": (
        SONNET_4,
        chosen({"tool": {"name": "clock"}}, **own(tool_choice={"type": "auto", "disable_parallel_tool_use": True})),
        (
            "The additional field tool_choice/type conflicts with the existing field toolConfig.toolChoice.tool."
            " Remove tool_choice/type and try again."
        ),
    ),
    "an image for a text model": (
        NOVA_MICRO,
        talk(user(image())),
        "This model doesn't support the image content block that you provided. Update the content block and try again.",
    ),
    "a video for Claude": (
        OPUS_5,
        talk(user(VIDEO)),
        "This model doesn't support the video content block that you provided. Update the content block and try again.",
    ),
    "a video for Llama": (
        LLAMA_4,
        talk(user(VIDEO)),
        "This model doesn't support the video content block that you provided. Update the content block and try again.",
    ),
    "an image in S3": (SONNET_4, talk(user(S3_IMAGE)), unsupported("s3Uri")),
    "a text beside a result for Llama": (LLAMA, answered(beside=(HI,)), mixed(2, "result")),
    "an image beside a result for Mistral": (MISTRAL, answered(beside=(image(),)), mixed(2, "result")),
    "a document beside a result for Claude": (
        SONNET_4,
        answered(beside=(HI, PDF)),
        (
            f"{MODEL}messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: a. Each"
            " `tool_use` block must have a corresponding `tool_result` block in the next message."
        ),
    ),
    "a text beside a use for Mistral": (
        MISTRAL,
        tool_talk(user(), assistant(HI, use("a")), user(result("a"))),
        mixed(1, "use"),
    ),
    "an image in a result for Mistral": (MISTRAL, answered(image()), unsupported("image", " for user messages")),
    "an image in a result for Kimi": (KIMI, answered(HI, image()), unsupported("image", " for user messages")),
    "a PDF in a result for Nova": (
        NOVA_2,
        answered(PDF),
        (
            f"{MODEL}Malformed input request: #/messages/2/content/0: extraneous key [toolResult] is not permitted,"
            " please reformat your input and try again."
        ),
    ),
    "a status for Writer": (WRITER, answered(status="success"), unsupported("status")),
    "variables without a prompt": (
        SONNET_4,
        talk(promptVariables={"name": {"text": "x"}}),
        "The promptVariables field can only be used with the ARN of a prompt as the model identifier.",
    ),
    "system messages beside a prompt": (
        PROMPT,
        talk(system=[HI]),
        "The system field can't be used with a prompt from Prompt management. Remove system and try again.",
    ),
    "capacity that is not reserved": (SONNET_4, talk(serviceTier={"type": "reserved"}), "Reservation not found."),
}


@pytest.mark.parametrize(("model", "conversation", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_rule_is_reported(model: str, conversation: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        rules.check(conversation, model)
    assert caught.value.message == message


KEPT: dict[str, tuple[str, dict[str, Any]]] = {
    "both ways of sampling for an early Claude": (SONNET_4, sampled(temperature=0.5, topP=0.9)),
    "one way of sampling": (OPUS_4_1, sampled(temperature=0.5)),
    "stop sequences": (SONNET_4, sampled(stopSequences=["x"])),
    "a limit where nothing else can be set": (GPT_6, sampled(maxTokens=16)),
    "a low limit": (OPUS_5, sampled(maxTokens=1)),
    "alternatives within a schema": (OPUS_5, schema({"type": "object", "properties": {"a": {"anyOf": [{}]}}})),
    "alternatives at the root for others": (NOVA_PRO, schema({"type": "object", "anyOf": [{}]})),
    "a prefill": (SONNET_4, talk(user(), assistant())),
    "a top_k": (HAIKU_3, talk(**own(top_k=5))),
    "Nova's own top_k": (NOVA_PRO, talk(**own(inferenceConfig={"topK": 5}))),
    "GPT's own effort": (GPT_6, talk(**own(reasoning={"effort": "low"}))),
    "any field for a family with unknown fields": (LLAMA, talk(**own(anything=1))),
    "fields that are no object": (SONNET_4, talk(additionalModelRequestFields=[1])),
    "a tool that is left to Llama": (LLAMA, chosen({"auto": {}})),
    "a tool that is forced on a newer Claude": (OPUS_5, chosen({"any": {}})),
    "parallel use forbidden beside a choice": (
        SONNET_4,
        chosen({"any": {}}, **own(tool_choice={"disable_parallel_tool_use": True})),
    ),
    "parallel use forbidden without a choice": (
        SONNET_4,
        tool_talk(**own(tool_choice={"type": "auto", "disable_parallel_tool_use": True})),
    ),
    "a video for Nova": (NOVA_PRO, talk(user(VIDEO))),
    "an image in S3 for Nova": (NOVA_PRO, talk(user(S3_IMAGE))),
    "a mark beside a result for Claude": (SONNET_4, answered(beside=(image(), HI, POINT))),
    "everything beside a result for Nova": (NOVA_PRO, answered(beside=(HI, image(), PDF))),
    "a use alone for Llama": (LLAMA, answered()),
    "an image in a result for Llama": (LLAMA_4, answered(image())),
    "a PDF in a result for Claude": (SONNET_4, answered(PDF)),
    "a text document in a result for Nova": (NOVA_2, answered(document("a"))),
    "JSON in a result for all": (MISTRAL, answered({"json": {}})),
    "a status": (LLAMA, answered(status="error")),
    "everything for an unknown model": (
        UNKNOWN,
        sampled(temperature=1, topP=1, stopSequences=["x"]) | answered(VIDEO, beside=(HI, S3_IMAGE, VIDEO)),
    ),
    "variables of a prompt": (PROMPT, {"promptVariables": {"name": {"text": "x"}}}),
    "messages after a prompt": (PROMPT, talk()),
    "capacity on demand": (SONNET_4, talk(serviceTier={"type": "flex"})),
}


@pytest.mark.parametrize(("model", "conversation"), KEPT.values(), ids=KEPT.keys())
def test_a_valid_request_passes(model: str, conversation: dict[str, Any]) -> None:
    assert rules.check(conversation, model) is None


@pytest.mark.parametrize("model", [LLAMA, LLAMA_4, MISTRAL])
def test_some_families_do_not_stream_while_they_use_tools(model: str) -> None:
    with pytest.raises(Invalid, match=r"^This model doesn't support tool use in streaming mode\.$"):
        rules.check(tool_talk(), model, streamed=True)


@pytest.mark.parametrize("model", [HAIKU_3, NOVA_MICRO, GPT_6, UNKNOWN])
def test_most_families_stream_while_they_use_tools(model: str) -> None:
    assert rules.check(tool_talk(), model, streamed=True) is None


def test_a_family_that_does_not_stream_tools_streams_text() -> None:
    assert rules.check(talk(), LLAMA, streamed=True) is None
