"""Converse: request and response. The events of a stream are in `converse_stream`.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
Absent members are omitted from the JSON. Blobs are base64 text, as on the wire; they are never decoded.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

import msgspec

Raw = msgspec.Raw


class Wire(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """Base of all shapes: members are camelCase, and there are no nulls. Treat instances as immutable.

    Shapes are never part of a reference cycle, so garbage collection is off for them: it took a third of the time of a
    long request.
    """


class S3Location(Wire):
    uri: str
    bucket_owner: str | None = None


class TextContent(Wire):
    text: str


class CitationsConfig(Wire):
    enabled: bool


class Source(Wire):
    """Exactly one member is set."""

    bytes: str | None = None
    s3_location: S3Location | None = None
    content: list[TextContent] | None = None
    """Of a document: its parts, which can be cited."""


class ErrorBlock(Wire):
    message: str = ""


class ImageBlock(Wire):
    format: str
    source: Source
    error: ErrorBlock | None = None
    """Of a response: why there is no image."""


class DocumentBlock(Wire):
    format: str
    name: str
    source: Source
    context: str | None = None
    citations: CitationsConfig | None = None


class SearchResultBlock(Wire):
    source: str
    title: str
    content: list[TextContent]
    citations: CitationsConfig | None = None


class VideoBlock(Wire):
    format: str
    source: Source


class AudioBlock(Wire):
    format: str
    source: Source


class CachePoint(Wire):
    type: str
    ttl: str | None = None


class ToolUseBlock(Wire):
    tool_use_id: str
    name: str
    input: Raw
    type: str | None = None
    """SERVER_TOOL_USE for a tool that Bedrock runs itself."""


class ToolResultContentBlock(Wire):
    """Exactly one member is set."""

    text: str | None = None
    image: ImageBlock | None = None
    document: DocumentBlock | None = None
    video: VideoBlock | None = None
    search_result: SearchResultBlock | None = None


class ToolResultBlock(Wire):
    tool_use_id: str
    content: list[ToolResultContentBlock]
    status: str | None = None


class ReasoningText(Wire):
    text: str
    signature: str | None = None


class ReasoningContent(Wire):
    """Exactly one member is set."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class GeneratedText(Wire):
    text: str = ""


class WebLocation(Wire):
    url: str | None = None


class DocumentLocation(Wire):
    """A range of characters, pages or chunks."""

    document_index: int = 0
    start: int = 0
    end: int = 0


class SearchResultLocation(Wire):
    search_result_index: int = 0
    start: int = 0
    end: int = 0


class CitationLocation(Wire):
    """Exactly one member is set."""

    web: WebLocation | None = None
    document_char: DocumentLocation | None = None
    document_page: DocumentLocation | None = None
    document_chunk: DocumentLocation | None = None
    search_result_location: SearchResultLocation | None = None


class Citation(Wire):
    title: str | None = None
    source: str | None = None
    source_content: list[GeneratedText] = []  # msgspec copies mutable defaults
    location: CitationLocation | None = None


class CitationsContent(Wire):
    content: list[GeneratedText] = []  # msgspec copies mutable defaults
    citations: list[Raw] = []  # as above


class GuardedText(Wire):
    text: str
    qualifiers: list[str] | None = None


class GuardedImage(Wire):
    format: str
    source: Source


class GuardContent(Wire):
    """What a guardrail assesses; without any, it assesses the whole last message. Exactly one member is set."""

    text: GuardedText | None = None
    image: GuardedImage | None = None


class ToolReference(Wire):
    type: str
    name: str


class ToolChange(Wire):
    """A tool that is offered from here on, or no longer. Only in messages of role system."""

    tool: ToolReference


class ContentBlock(Wire):
    """Exactly one member is set."""

    text: str | None = None
    guard_content: GuardContent | None = None
    image: ImageBlock | None = None
    document: DocumentBlock | None = None
    video: VideoBlock | None = None
    audio: AudioBlock | None = None
    tool_use: ToolUseBlock | None = None
    tool_result: ToolResultBlock | None = None
    search_result: SearchResultBlock | None = None
    reasoning_content: ReasoningContent | None = None
    citations_content: CitationsContent | None = None
    tool_addition: ToolChange | None = None
    tool_removal: ToolChange | None = None
    cache_point: CachePoint | None = None


class Message(Wire):
    role: str
    content: list[ContentBlock]


class SystemContentBlock(Wire):
    """Exactly one member is set."""

    text: str | None = None
    guard_content: GuardContent | None = None
    cache_point: CachePoint | None = None


class InferenceConfiguration(Wire):
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None


class ToolInputSchema(Wire):
    json: Raw


class ToolSpecification(Wire):
    name: str
    input_schema: ToolInputSchema
    description: str | None = None
    strict: bool | None = None


class SystemTool(Wire):
    """A tool that Bedrock runs itself."""

    name: str


class Tool(Wire):
    """Exactly one member is set."""

    tool_spec: ToolSpecification | None = None
    system_tool: SystemTool | None = None
    cache_point: CachePoint | None = None


class NamedTool(Wire):
    name: str


class Empty(Wire):
    """`{}`: the value of a choice without parameters."""


class ToolChoice(Wire):
    """Exactly one member is set."""

    auto: Empty | None = None
    any: Empty | None = None
    tool: NamedTool | None = None


class ToolConfiguration(Wire):
    tools: list[Tool]
    tool_choice: ToolChoice | None = None


class ServiceTier(Wire):
    type: str


class JsonSchemaDefinition(Wire):
    schema: str
    """A JSON schema, encoded as a JSON string."""
    name: str | None = None
    description: str | None = None


class OutputFormatStructure(Wire):
    json_schema: JsonSchemaDefinition


class OutputFormat(Wire):
    type: str
    structure: OutputFormatStructure


class OutputConfiguration(Wire):
    text_format: OutputFormat | None = None
    effort: str | None = None


class ConverseRequest(Wire):
    messages: list[Message]
    system: list[SystemContentBlock] | None = None
    inference_config: InferenceConfiguration | None = None
    tool_config: ToolConfiguration | None = None
    output_config: OutputConfiguration | None = None
    additional_model_request_fields: dict[str, object] | None = None
    additional_model_response_field_paths: list[str] | None = None
    guardrail_config: Raw | None = None
    performance_config: Raw | None = None
    prompt_variables: Raw | None = None
    request_metadata: dict[str, str] | None = None
    service_tier: ServiceTier | None = None
    project_identifier: str | None = None


class CacheDetail(Wire):
    """Tokens that were written to the cache for a time: `5m` or `1h`."""

    ttl: str = ""
    input_tokens: int = 0


class TokenUsage(Wire):
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_details: list[CacheDetail] | None = None

    def written_for(self, ttl: str) -> int:
        """Return the tokens that were written to the cache for a time."""
        return sum(detail.input_tokens for detail in self.cache_details or () if detail.ttl == ttl)


class ConverseMetrics(Wire):
    latency_ms: int | None = None


class ConverseOutput(Wire):
    message: Message | None = None


class ConverseResponse(Wire):
    output: ConverseOutput | None = None
    stop_reason: str | None = None
    usage: TokenUsage | None = None
    metrics: ConverseMetrics | None = None
    service_tier: ServiceTier | None = None
    performance_config: Raw = Raw()
    additional_model_response_fields: Raw = Raw()
    trace: Raw = Raw()


SERVER_TOOL_USE = "server_tool_use"

RESPONSE = msgspec.json.Decoder(ConverseResponse)
CITATION = msgspec.json.Decoder(Citation)


def converse_path(model: str, *, stream: bool) -> str:
    """Return the request path, with the model id percent-encoded as AWS SDKs do: only unreserved characters stay.

    A model id is always one path segment: `/` in an ARN becomes `%2F`.
    """
    operation = "converse-stream" if stream else "converse"
    return f"/model/{encode_model_id(model)}/{operation}"


@lru_cache(maxsize=1024)
def encode_model_id(model: str) -> str:
    """Percent-encode a model id as one path segment; also encode `.` and `..`, which proxies would resolve."""
    if model in {".", ".."}:
        return model.replace(".", "%2E")
    return quote(model, safe="-._~")
