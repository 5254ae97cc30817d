"""The request of Messages.

https://docs.anthropic.com/en/api/messages
`parse` reads only what every backend needs: a backend with the same API gets the body unchanged. Other translations
decode the body with `create_params` or `count_tokens_params`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from aigw_extproc import wire
from aigw_extproc.errors import InvalidRequest, ThreadsUnsupported

BETA_HEADER = "anthropic-beta"


class MessagesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to create a message or to count its tokens, with its body not yet decoded."""

    model: str
    stream: bool | None = None
    body: bytes = b""
    """The client's bytes: a JSON object in UTF-8."""
    betas: tuple[str, ...] = ()
    """Beta features from the header and the body."""


class CacheControl(msgspec.Struct, frozen=True):
    """Cache the prompt up to this point."""

    type: str = "ephemeral"
    ttl: str | None = None


class Base64Source(msgspec.Struct, frozen=True, tag_field="type", tag="base64"):
    media_type: str
    data: str


class UrlSource(msgspec.Struct, frozen=True, tag_field="type", tag="url"):
    url: str


class FileSource(msgspec.Struct, frozen=True, tag_field="type", tag="file"):
    file_id: str


class TextSource(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    data: str
    media_type: str = "text/plain"


class Block(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all content blocks."""

    cache_control: CacheControl | None = None


class TextBlock(Block, frozen=True, tag="text"):
    text: str


class ContentSource(msgspec.Struct, frozen=True, tag_field="type", tag="content"):
    content: str | list[TextBlock]


class ImageBlock(Block, frozen=True, tag="image"):
    source: Base64Source | UrlSource | FileSource


class Citations(msgspec.Struct, frozen=True):
    enabled: bool | None = None


class DocumentBlock(Block, frozen=True, tag="document"):
    source: Base64Source | TextSource | ContentSource | UrlSource | FileSource
    title: str | None = None
    context: str | None = None
    citations: Citations | None = None


class SearchResultBlock(Block, frozen=True, tag="search_result"):
    """A result of the client's own search, which the model can cite."""

    source: str
    title: str
    content: list[TextBlock]
    citations: Citations | None = None


class ToolReferenceBlock(Block, frozen=True, tag="tool_reference"):
    """A tool that the client's own search for tools has found."""

    tool_name: str


class ToolUseBlock(Block, frozen=True, tag="tool_use"):
    id: str
    name: str
    input: msgspec.Raw = msgspec.Raw()


class ToolResultBlock(Block, frozen=True, tag="tool_result"):
    tool_use_id: str
    content: str | list[TextBlock | ImageBlock | DocumentBlock | SearchResultBlock | ToolReferenceBlock] | None = None
    is_error: bool | None = None


class ThinkingBlock(Block, frozen=True, tag="thinking"):
    thinking: str
    signature: str = ""


class RedactedThinkingBlock(Block, frozen=True, tag="redacted_thinking"):
    data: str


class ServerBlock(Block, frozen=True):
    """Base of the blocks that only Anthropic's own service makes: calls of its tools, their results, summaries."""

    name: str = ""
    input: msgspec.Raw = msgspec.Raw()
    content: msgspec.Raw = msgspec.Raw()


class ServerToolUseBlock(ServerBlock, frozen=True, tag="server_tool_use"): ...


class McpToolUseBlock(ServerBlock, frozen=True, tag="mcp_tool_use"): ...


class McpToolResultBlock(ServerBlock, frozen=True, tag="mcp_tool_result"): ...


class WebSearchResultBlock(ServerBlock, frozen=True, tag="web_search_tool_result"): ...


class WebFetchResultBlock(ServerBlock, frozen=True, tag="web_fetch_tool_result"): ...


class CodeResultBlock(ServerBlock, frozen=True, tag="code_execution_tool_result"): ...


class BashResultBlock(ServerBlock, frozen=True, tag="bash_code_execution_tool_result"): ...


class EditorResultBlock(ServerBlock, frozen=True, tag="text_editor_code_execution_tool_result"): ...


class ToolSearchResultBlock(ServerBlock, frozen=True, tag="tool_search_tool_result"): ...


class CompactionBlock(ServerBlock, frozen=True, tag="compaction"): ...


class ContainerUploadBlock(ServerBlock, frozen=True, tag="container_upload"): ...


UserBlock = TextBlock | ImageBlock | DocumentBlock | SearchResultBlock | ToolResultBlock | ContainerUploadBlock
AssistantBlock = (
    TextBlock
    | ImageBlock
    | ToolUseBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ServerToolUseBlock
    | McpToolUseBlock
    | McpToolResultBlock
    | WebSearchResultBlock
    | WebFetchResultBlock
    | CodeResultBlock
    | BashResultBlock
    | EditorResultBlock
    | ToolSearchResultBlock
    | CompactionBlock
    | ContainerUploadBlock
)


class MarkedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all messages. Some clients mark a message: it counts as a mark on its last block."""

    cache_control: CacheControl | None = None


class UserMessage(MarkedMessage, frozen=True, kw_only=True, tag_field="role", tag="user"):
    content: str | list[UserBlock]


class AssistantMessage(MarkedMessage, frozen=True, kw_only=True, tag_field="role", tag="assistant"):
    content: str | list[AssistantBlock]


class ToolReference(msgspec.Struct, frozen=True):
    """A tool of the request, if the type is `tool_reference`; Anthropic has others."""

    type: str
    name: str = ""


class ToolAdditionBlock(Block, frozen=True, tag="tool_addition"):
    tool: ToolReference


class ToolRemovalBlock(Block, frozen=True, tag="tool_removal"):
    tool: ToolReference


SystemBlock = TextBlock | ToolAdditionBlock | ToolRemovalBlock


class SystemMessage(MarkedMessage, frozen=True, kw_only=True, tag_field="role", tag="system"):
    """A system message within the conversation.

    https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages
    """

    content: str | list[SystemBlock]
    output_config: msgspec.Raw = msgspec.Raw()
    """Settings from here on."""


Message = UserMessage | AssistantMessage | SystemMessage


class Tool(msgspec.Struct, frozen=True):
    """A tool that the client defines, or one of Anthropic's, selected by its `type`."""

    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = msgspec.Raw()
    strict: bool | None = None
    cache_control: CacheControl | None = None
    defer_loading: bool | None = None
    input_examples: list[msgspec.Raw] | None = None
    eager_input_streaming: bool | None = None
    allowed_callers: list[str] | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingConfig(msgspec.Struct, frozen=True):
    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None
    display: str | None = None


class OutputFormat(msgspec.Struct, frozen=True):
    type: Literal["json_schema"]
    schema: dict[str, object]


class OutputConfig(msgspec.Struct, frozen=True):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class Metadata(msgspec.Struct, frozen=True):
    user_id: str | None = None


class CountTokensParams(wire.Open, frozen=True, kw_only=True):
    """The fields of a request to count tokens."""

    model: str
    messages: wire.Messages[Message]
    system: str | list[TextBlock] | None = None
    tools: wire.Tools[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None
    """The older place of `output_config.format`."""
    cache_control: CacheControl | None = None
    """Applies to the last block that can be cached."""
    max_tokens: int | None = None
    stream: bool | None = None
    anthropic_beta: Sequence[str] | None = None
    """Those of the header, too."""


class CreateParams(CountTokensParams, frozen=True, kw_only=True):
    """The fields of a request to create a message."""

    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None


class _Envelope(msgspec.Struct, frozen=True):
    model: str
    stream: bool | None = None
    anthropic_beta: list[str] | None = None
    thread: msgspec.Raw = msgspec.Raw()
    container: msgspec.Raw = msgspec.Raw()


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_CREATE = msgspec.json.Decoder(CreateParams)
_COUNT_TOKENS = msgspec.json.Decoder(CountTokensParams)


def parse(body: bytes) -> MessagesRequest:
    """Parse the fields that every backend needs from the body of POST /v1/messages or …/count_tokens.

    Raises:
        InvalidRequest: the body is not JSON, one of these fields has the wrong type, or the request relies on what only
            Anthropic keeps between requests: without it the answer would be wrong.
    """
    envelope = wire.decode(_ENVELOPE, body)
    if wire.given(envelope.thread) is not None:
        raise ThreadsUnsupported
    if wire.given(envelope.container) is not None:
        raise InvalidRequest.at("container", "Bedrock keeps no containers: leave it out, and use tools of your own")
    return MessagesRequest(
        model=envelope.model, stream=envelope.stream, body=body, betas=tuple(envelope.anthropic_beta or ())
    )


def with_headers(request: MessagesRequest, headers: Mapping[str, str]) -> MessagesRequest:
    """Return the request with the beta features from its headers (lower-case names) added, without duplicates."""
    named = (name.strip() for name in headers.get(BETA_HEADER, "").split(","))
    betas = tuple(dict.fromkeys([*filter(None, named), *request.betas]))
    return msgspec.structs.replace(request, betas=betas)


def create_params(request: MessagesRequest) -> CreateParams:
    """Decode the body of a request to create a message.

    Raises:
        InvalidRequest: a field has the wrong type; `param` is its path.
    """
    return msgspec.structs.replace(wire.decode_open(_CREATE, request.body), anthropic_beta=request.betas)


def count_tokens_params(request: MessagesRequest) -> CountTokensParams:
    """Decode the body of a request to count tokens.

    Raises:
        InvalidRequest: a field has the wrong type; `param` is its path.
    """
    return msgspec.structs.replace(wire.decode_open(_COUNT_TOKENS, request.body), anthropic_beta=request.betas)


def fields(request: MessagesRequest) -> dict[str, msgspec.Raw]:
    """Return the top-level fields of the body, not decoded."""
    return wire.decode(wire.FIELDS, request.body)
