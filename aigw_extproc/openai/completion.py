"""The response of chat completions: the completion and its chunks.

https://platform.openai.com/docs/api-reference/chat/object
https://platform.openai.com/docs/api-reference/chat/streaming
Members that are not OpenAI's: `reasoning_content`, `thinking_blocks` and `images`, which are common among other
gateways, and `aws` for what only Bedrock returns.
"""

from __future__ import annotations

import msgspec

Raw = msgspec.Raw
Absent = msgspec.UnsetType
ABSENT = msgspec.UNSET


class FunctionCall(msgspec.Struct, kw_only=True, frozen=True):
    name: str
    arguments: str


class CustomCall(msgspec.Struct, kw_only=True, frozen=True):
    name: str
    input: str


class ToolCall(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    type: str = "function"
    function: FunctionCall | Absent = ABSENT
    custom: CustomCall | Absent = ABSENT


class ThinkingBlock(msgspec.Struct, kw_only=True, frozen=True):
    """Reasoning that the client may send back; `signature` and `data` must stay unchanged to the byte."""

    index: int | Absent = ABSENT
    """Only in chunks: the SDK merges list items with the same index."""
    type: str = "thinking"
    thinking: str | Absent = ABSENT
    signature: str | Absent = ABSENT
    data: str | Absent = ABSENT


class ImageUrl(msgspec.Struct, kw_only=True, frozen=True):
    url: str


class Image(msgspec.Struct, kw_only=True, frozen=True):
    """An image that the model has made, as a data URL."""

    index: int
    type: str = "image_url"
    image_url: ImageUrl


class UrlCitation(msgspec.Struct, kw_only=True, frozen=True):
    url: str
    title: str
    start_index: int
    end_index: int


class Annotation(msgspec.Struct, kw_only=True, frozen=True):
    index: int | Absent = ABSENT
    type: str = "url_citation"
    url_citation: UrlCitation


class Message(msgspec.Struct, kw_only=True, frozen=True):
    role: str = "assistant"
    content: str | None
    refusal: str | None = None
    annotations: list[Annotation] | Absent = ABSENT
    images: list[Image] | Absent = ABSENT
    reasoning_content: str | Absent = ABSENT
    thinking_blocks: list[ThinkingBlock] | Absent = ABSENT
    tool_calls: list[ToolCall] | Absent = ABSENT


class Choice(msgspec.Struct, kw_only=True, frozen=True):
    index: int = 0
    message: Message
    logprobs: None = None
    finish_reason: str


class PromptTokensDetails(msgspec.Struct, kw_only=True, frozen=True):
    cached_tokens: int
    cache_creation_tokens: int


class CompletionUsage(msgspec.Struct, kw_only=True, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails | Absent = ABSENT
    """Not in legacy completions."""


class AwsDetails(msgspec.Struct, kw_only=True, frozen=True, rename="camel", omit_defaults=True):
    """Members of Bedrock's response that OpenAI's format has no place for, unchanged."""

    stop_reason: str | None = None
    """Only if OpenAI has no equivalent finish reason."""
    citations: list[Raw] | None = None
    additional_model_response_fields: Raw | None = None
    trace: Raw | None = None
    performance_config: Raw | None = None


class ChatCompletion(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    service_tier: str | Absent = ABSENT
    aws: AwsDetails | Absent = ABSENT


class DeltaFunction(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    name: str | None = None
    arguments: str


class DeltaCustom(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    name: str | None = None
    input: str


class DeltaToolCall(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    index: int
    id: str | None = None
    type: str | None = None
    function: DeltaFunction | None = None
    custom: DeltaCustom | None = None


class Delta(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    role: str | None = None
    content: str | None = None
    annotations: list[Annotation] | None = None
    images: list[Image] | None = None
    reasoning_content: str | None = None
    thinking_blocks: list[ThinkingBlock] | None = None
    tool_calls: list[DeltaToolCall] | None = None
