"""Chat completions: the request as clients send it, the completion and its chunks as they expect them.

https://platform.openai.com/docs/api-reference/chat
Fields that are not declared on `ChatRequest` are collected by name, so that they can be reported as dropped.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from aigw_extproc import wire


class TextPart(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class RefusalPart(msgspec.Struct, frozen=True, tag_field="type", tag="refusal"):
    refusal: str


class ImageUrl(msgspec.Struct, frozen=True):
    url: str
    detail: str | None = None


class ImagePart(msgspec.Struct, frozen=True, tag_field="type", tag="image_url"):
    image_url: ImageUrl


class FunctionCall(msgspec.Struct, frozen=True):
    name: str
    arguments: str | None = None


class ToolCall(msgspec.Struct, frozen=True):
    id: str
    function: FunctionCall
    type: Literal["function"] = "function"


class SystemMessage(msgspec.Struct, frozen=True, tag_field="role", tag="system"):
    content: str | list[TextPart]


class DeveloperMessage(msgspec.Struct, frozen=True, tag_field="role", tag="developer"):
    content: str | list[TextPart]


class UserMessage(msgspec.Struct, frozen=True, tag_field="role", tag="user"):
    content: str | list[TextPart | ImagePart]


class AssistantMessage(msgspec.Struct, frozen=True, tag_field="role", tag="assistant"):
    content: str | list[TextPart | RefusalPart] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None
    """Before there were tools: one call, without an id."""


class ToolMessage(msgspec.Struct, frozen=True, tag_field="role", tag="tool"):
    tool_call_id: str
    content: str | list[TextPart | ImagePart] | None = None
    is_error: bool = False
    """Not OpenAI's: for clients that can say that the tool failed."""


class FunctionMessage(msgspec.Struct, frozen=True, tag_field="role", tag="function"):
    name: str
    content: str | None = None


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage
ContentPart = TextPart | RefusalPart | ImagePart


class FunctionDefinition(msgspec.Struct, frozen=True):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw()
    strict: bool | None = None


class Tool(msgspec.Struct, frozen=True):
    type: str
    function: FunctionDefinition | None = None


class NamedFunction(msgspec.Struct, frozen=True):
    name: str


class NamedToolChoice(msgspec.Struct, frozen=True):
    """`{"type": "function", "function": {"name": …}}`; some clients send `{}` for none at all."""

    type: str | None = None
    function: NamedFunction | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


class ChatRequest(msgspec.Struct, frozen=True):
    model: str
    messages: list[Message]
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | NamedToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionDefinition] | None = None
    function_call: str | NamedFunction | None = None
    service_tier: str | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    others: dict[str, msgspec.Raw] = {}  # msgspec copies mutable defaults
    """Top-level fields that are not declared here, as the client sent them."""


_REQUEST = msgspec.json.Decoder(ChatRequest)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_DECLARED = frozenset(ChatRequest.__struct_fields__)


def parse(body: bytes) -> ChatRequest:
    """Parses the body of POST /v1/chat/completions.

    Raises:
        InvalidRequest: the body is not JSON or a field has the wrong type; `param` is the field's path.
    """
    request = wire.decode(_REQUEST, body)
    others = {name: value for name, value in _FIELDS.decode(body).items() if name not in _DECLARED}
    return msgspec.structs.replace(request, others=others)


class ResponseToolCall(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    type: str = "function"
    function: FunctionCall


class ResponseMessage(msgspec.Struct, kw_only=True, frozen=True):
    role: str = "assistant"
    content: str | None
    refusal: str | None = None
    tool_calls: list[ResponseToolCall] | msgspec.UnsetType = msgspec.UNSET


class Choice(msgspec.Struct, kw_only=True, frozen=True):
    index: int = 0
    message: ResponseMessage
    logprobs: None = None
    finish_reason: str


class PromptTokensDetails(msgspec.Struct, kw_only=True, frozen=True):
    cached_tokens: int
    cache_creation_tokens: int


class CompletionUsage(msgspec.Struct, kw_only=True, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails


class ChatCompletion(msgspec.Struct, kw_only=True, frozen=True):
    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    service_tier: str | msgspec.UnsetType = msgspec.UNSET
    stop_reason: str | msgspec.UnsetType = msgspec.UNSET
    """Extension: Bedrock's own stop reason, where OpenAI has no word for it."""


class DeltaFunction(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    name: str | None = None
    arguments: str


class DeltaToolCall(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    index: int
    id: str | None = None
    type: str | None = None
    function: DeltaFunction


class Delta(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    role: str | None = None
    content: str | None = None
    tool_calls: list[DeltaToolCall] | None = None
