"""The request of chat completions.

https://platform.openai.com/docs/api-reference/chat/create
Besides OpenAI's own fields it declares fields that clients of other gateways send: `thinking`, `cache_control`, and
`aws` for parameters that only Bedrock has.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from aigw_extproc import wire


class CacheMark(msgspec.Struct, frozen=True):
    """Anthropic's `cache_control` or Converse's `cachePoint`: cache the prompt up to this point."""

    type: str = "ephemeral"
    ttl: str | None = None


class Markable(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what can have a mark: content parts, tools, and messages, whose mark counts as one on their last part."""

    cache_control: CacheMark | None = None
    cache_point: CacheMark | None = msgspec.field(default=None, name="cachePoint")

    @property
    def mark(self) -> CacheMark | None:
        """The mark, in either spelling."""
        return self.cache_control or self.cache_point


class Part(Markable, frozen=True, kw_only=True, tag_field="type"):
    """Base of all content parts."""


class TextPart(Part, frozen=True, tag="text"):
    text: str


class GuardedTextPart(Part, frozen=True, tag="guarded_text"):
    """An extension: text that a guardrail assesses, for contextual grounding with qualifiers."""

    text: str
    qualifiers: list[Literal["grounding_source", "query", "guard_content"]] | None = None


class GuardedImagePart(Part, frozen=True, tag="guarded_image"):
    """An extension: an image that a guardrail assesses."""

    image_url: ImageUrl | str


class RefusalPart(Part, frozen=True, tag="refusal"):
    refusal: str


class ImageUrl(msgspec.Struct, frozen=True):
    url: str


class ImagePart(Part, frozen=True, tag="image_url"):
    image_url: ImageUrl | str


class FileData(msgspec.Struct, frozen=True):
    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None


class FilePart(Part, frozen=True, tag="file"):
    file: FileData


class AudioData(msgspec.Struct, frozen=True):
    data: str
    format: str


class AudioPart(Part, frozen=True, tag="input_audio"):
    input_audio: AudioData


class VideoUrl(msgspec.Struct, frozen=True):
    url: str


class VideoUrlPart(Part, frozen=True, tag="video_url"):
    video_url: VideoUrl | str


class VideoPart(Part, frozen=True, tag="video"):
    video: VideoUrl | str


class ThinkingPart(Part, frozen=True, tag="thinking"):
    """A block of `thinking_blocks` from an earlier response."""

    thinking: str = ""
    text: str = ""
    """Another name for `thinking`, which some clients use."""
    signature: str | None = None


class RedactedThinkingPart(Part, frozen=True, tag="redacted_thinking"):
    data: str


UserPart = TextPart | GuardedTextPart | GuardedImagePart | ImagePart | FilePart | AudioPart | VideoUrlPart | VideoPart
AssistantPart = TextPart | RefusalPart | ThinkingPart | RedactedThinkingPart
ToolPart = TextPart | ImagePart | FilePart | VideoUrlPart | VideoPart
ContentPart = UserPart | AssistantPart


class FunctionCall(msgspec.Struct, frozen=True):
    name: str
    arguments: str | None = None


class CustomCall(msgspec.Struct, frozen=True):
    """The call of a custom tool, with a text as its input."""

    name: str
    input: str


class ToolCall(msgspec.Struct, frozen=True):
    id: str
    function: FunctionCall | None = None
    type: Literal["function", "custom"] = "function"
    custom: CustomCall | None = None

    @property
    def called(self) -> FunctionCall | CustomCall | None:
        """What is called."""
        return self.custom if self.type == "custom" else self.function


class StoredAudio(msgspec.Struct, frozen=True):
    """Audio of an earlier answer, kept by OpenAI."""

    id: str


class SystemMessage(Markable, frozen=True, kw_only=True, tag_field="role", tag="system"):
    content: str | list[TextPart | GuardedTextPart]


class DeveloperMessage(Markable, frozen=True, kw_only=True, tag_field="role", tag="developer"):
    content: str | list[TextPart | GuardedTextPart]


class UserMessage(Markable, frozen=True, kw_only=True, tag_field="role", tag="user"):
    content: str | list[UserPart]


class AssistantMessage(Markable, frozen=True, kw_only=True, tag_field="role", tag="assistant"):
    content: str | list[AssistantPart] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None
    """The deprecated predecessor of `tool_calls`: one call, without an id."""
    thinking_blocks: list[ThinkingPart | RedactedThinkingPart] | None = None
    reasoning_content: str | None = None
    """The text of `thinking_blocks`, without their signatures."""
    audio: StoredAudio | None = None
    images: list[msgspec.Raw] | None = None
    """An extension: images of an earlier answer."""


class ToolMessage(Markable, frozen=True, kw_only=True, tag_field="role", tag="tool"):
    tool_call_id: str
    content: str | list[ToolPart] | None = None
    is_error: bool = False
    """An extension: the tool failed."""


class FunctionMessage(Markable, frozen=True, kw_only=True, tag_field="role", tag="function"):
    name: str
    content: str | None = None


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage


class FunctionDefinition(msgspec.Struct, frozen=True):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw()
    strict: bool | None = None
    cache_control: CacheMark | None = None


class Grammar(msgspec.Struct, frozen=True):
    """The grammar of a custom tool's input."""

    definition: str
    syntax: str | None = None


class InputFormat(msgspec.Struct, frozen=True):
    """The format of a custom tool's input: any text, or text by a grammar."""

    type: str = "text"
    grammar: Grammar | None = None


class CustomDefinition(msgspec.Struct, frozen=True):
    """A tool whose input is a text."""

    name: str
    description: str | None = None
    format: InputFormat | None = None


class Tool(Markable, frozen=True, kw_only=True):
    type: str
    function: FunctionDefinition | None = None
    custom: CustomDefinition | None = None


class NamedFunction(msgspec.Struct, frozen=True):
    name: str


class AllowedTool(msgspec.Struct, frozen=True):
    type: str
    function: NamedFunction | None = None
    custom: NamedFunction | None = None


class AllowedTools(msgspec.Struct, frozen=True):
    """A subset of the tools, and how to choose from it."""

    tools: list[AllowedTool]
    mode: Literal["auto", "required"] = "auto"


class NamedToolChoice(msgspec.Struct, frozen=True):
    """`{"type": "function", "function": {"name": …}}`, the same with `custom`, or allowed tools; some clients send
    `{}` for no choice."""

    type: str | None = None
    function: NamedFunction | None = None
    custom: NamedFunction | None = None
    allowed_tools: AllowedTools | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


class ThinkingConfig(msgspec.Struct, frozen=True):
    """Anthropic's parameter: more exact than `reasoning_effort`, so it takes precedence."""

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: int | None = None
    display: str | None = None


class JsonSchema(msgspec.Struct, frozen=True):
    name: str
    schema: msgspec.Raw = msgspec.Raw()
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class AwsExtension(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Parameters that only Bedrock has, passed through unchanged: SDKs send them as `extra_body={"aws": {…}}`."""

    guardrail_config: msgspec.Raw = msgspec.Raw()
    performance_config: msgspec.Raw = msgspec.Raw()
    project_identifier: str | None = None
    request_metadata: dict[str, str] | None = None
    prompt_variables: msgspec.Raw = msgspec.Raw()
    additional_model_request_fields: dict[str, object] | None = None
    additional_model_response_field_paths: list[str] | None = None


class ChatRequest(wire.Open, frozen=True, kw_only=True):
    model: str
    messages: wire.Messages[Message]
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    tools: wire.Tools[Tool] | None = None
    tool_choice: str | NamedToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionDefinition] | None = None
    function_call: str | NamedFunction | None = None
    web_search_options: msgspec.Raw = msgspec.Raw()
    reasoning_effort: str | None = None
    thinking: ThinkingConfig | None = None
    response_format: ResponseFormat | None = None
    service_tier: str | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    aws: AwsExtension | None = None


_REQUEST = msgspec.json.Decoder(ChatRequest)


def parse(body: bytes) -> ChatRequest:
    """Parse the body of POST /v1/chat/completions.

    Raises:
        InvalidRequest: the body is not JSON or a field has the wrong type; `param` is the field's path.
    """
    return wire.decode_open(_REQUEST, body)
