"""The body of an Anthropic Messages request in InvokeModel. Unknown fields are errors.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import msgspec

from aigw_extproc.simulator import json_schema
from aigw_extproc.simulator.capabilities import Capabilities
from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.simulator.invocation import decode
from aigw_extproc.simulator.model_families import capabilities_of
from aigw_extproc.simulator.rules.caching import MAX_POINTS
from aigw_extproc.simulator.rules.output import schema_problems
from aigw_extproc.simulator.rules.turns import NO_SYSTEM_ROLE, misplaced_system

Positive = Annotated[int, msgspec.Meta(ge=1)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Object = dict[str, Any]
TOOL_TYPE = r"^(custom|(bash|computer|memory|text_editor|tool_search_tool_[a-z0-9]+)_\d{8})$"
"""Types of tools that Bedrock supports."""


class CacheControl(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A cache mark. Anthropic's own service has a `scope` too."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class Base64Source(msgspec.Struct, tag_field="type", tag="base64", forbid_unknown_fields=True, frozen=True):
    """Bytes in the request."""

    media_type: str
    data: str

    @property
    def size(self) -> str:
        """Return the number of bytes, as text. Raises Invalid."""
        try:
            return f"{len(base64.b64decode(self.data, validate=True))} bytes"
        except ValueError:
            raise Invalid("source.base64.data: Invalid base64 data") from None


class TextSource(msgspec.Struct, tag_field="type", tag="text", forbid_unknown_fields=True, frozen=True):
    """A plain-text document."""

    media_type: Literal["text/plain"]
    data: str

    @property
    def size(self) -> str:
        """Return the number of characters, as text."""
        return f"{len(self.data)} characters"


class Block(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The common field of most blocks."""

    cache_control: CacheControl | msgspec.UnsetType = msgspec.UNSET


class TextBlock(Block, tag="text", frozen=True, kw_only=True):
    """Text."""

    text: str
    citations: list[Object] = []


class ImageBlock(Block, tag="image", frozen=True, kw_only=True):
    """An image. Bedrock does not support URLs."""

    source: Base64Source


class DocumentBlock(Block, tag="document", frozen=True, kw_only=True):
    """A document."""

    source: Base64Source | TextSource
    title: str = ""
    context: str = ""
    citations: Object = {}


class ToolUseBlock(Block, tag="tool_use", frozen=True, kw_only=True):
    """A tool use of the assistant."""

    id: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]+$")]
    name: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,128}$")]
    input: Object


class ToolResultBlock(Block, tag="tool_result", frozen=True, kw_only=True):
    """The result of a tool use."""

    tool_use_id: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]+$")]
    content: str | list[TextBlock | ImageBlock | DocumentBlock | SearchResultBlock | ToolReferenceBlock] = ""
    is_error: bool = False


class ToolReferenceBlock(Block, tag="tool_reference", frozen=True, kw_only=True):
    """A tool that a search has found, with its beta."""

    tool_name: str


class SearchResultBlock(Block, tag="search_result", frozen=True, kw_only=True):
    """A result of the client's own search."""

    source: str
    title: str
    content: list[TextBlock]
    citations: Object = {}


class Unmarked(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Base of blocks that cannot have a cache mark."""


class ThinkingBlock(Unmarked, tag="thinking", frozen=True, kw_only=True):
    """Reasoning with its signature."""

    thinking: str
    signature: str


class RedactedThinkingBlock(Unmarked, tag="redacted_thinking", frozen=True, kw_only=True):
    """Encrypted reasoning."""

    data: str


AnyBlock = (
    TextBlock
    | ImageBlock
    | DocumentBlock
    | SearchResultBlock
    | ToolUseBlock
    | ToolResultBlock
    | ThinkingBlock
    | RedactedThinkingBlock
)


class Message(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A turn; a string is short for one text block."""

    role: Literal["user", "assistant", "system"]
    content: str | list[AnyBlock]

    @property
    def blocks(self) -> list[AnyBlock]:
        """Return the content as blocks."""
        return [TextBlock(text=self.content)] if isinstance(self.content, str) else self.content


class ToolDefinition(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A tool of the client, or one that Claude knows by its type."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: Object = {}
    type: Annotated[str, msgspec.Meta(pattern=TOOL_TYPE)] = "custom"
    description: str = ""
    cache_control: CacheControl | msgspec.UnsetType = msgspec.UNSET
    strict: bool | msgspec.UnsetType = msgspec.UNSET
    defer_loading: bool = False
    input_examples: list[Object] = []
    display_width_px: int = 0
    display_height_px: int = 0
    display_number: int = 0
    max_characters: int = 0


class ToolChoice(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Whether a tool must be used, and which one."""

    type: Literal["auto", "any", "tool", "none"] = "auto"
    name: str = ""
    disable_parallel_tool_use: bool = False


class Metadata(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Whose request it is."""

    user_id: str


class MessagesRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body. It has no `model` and no `stream`: on Bedrock they are in the path."""

    anthropic_version: Literal["bedrock-2023-05-31"]
    max_tokens: Positive
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    anthropic_beta: list[str] = []
    context_management: Object = {}
    metadata: Metadata | msgspec.UnsetType = msgspec.UNSET
    output_config: Object = {}
    stop_sequences: list[str] = []
    system: str | list[TextBlock] = ""
    temperature: Fraction | msgspec.UnsetType = msgspec.UNSET
    thinking: Object = {}
    tool_choice: ToolChoice = ToolChoice()
    tools: list[ToolDefinition] = []
    top_k: Annotated[int, msgspec.Meta(ge=0)] | msgspec.UnsetType = msgspec.UNSET
    top_p: Fraction | msgspec.UnsetType = msgspec.UNSET


def parse(body: bytes, model_id: str = "") -> MessagesRequest:
    """Decode and check a body for a model. Raises Invalid."""
    request, family = decode(body, MessagesRequest), capabilities_of(model_id)
    _check_nulls(msgspec.json.decode(body))
    _check_messages(request.messages)
    _check_system(request.messages, family)
    _check_tools(request.tools)
    _check_betas(request)
    _check_schemas(request, family)
    _check_parameters(request, family)
    _check_marks(request)
    return request


def _check_nulls(value: Any, path: str = "") -> None:
    """Bedrock's types have no null, but in the input of tools and their schemas."""
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        if inner is None:
            raise Invalid(f"{path}{name}: Input should not be null")
        if name not in ("input", "input_schema", "schema", "input_examples"):
            _check_nulls(inner, f"{path}{name}.")


def _check_betas(request: MessagesRequest) -> None:
    betas = set(request.anthropic_beta)
    if request.context_management and "context-management-2025-06-27" not in betas:
        raise Invalid("context_management: Extra inputs are not permitted")
    for index, tool in enumerate(request.tools):
        if tool.defer_loading and "tool-search-tool-2025-10-19" not in betas:
            raise Invalid(f"tools.{index}.custom.defer_loading: Extra inputs are not permitted")
        if tool.input_examples and "tool-examples-2025-10-29" not in betas:
            raise Invalid(f"tools.{index}.custom.input_examples: Extra inputs are not permitted")
    if request.tools and all(tool.defer_loading for tool in request.tools):
        raise Invalid("At least one tool must have defer_loading=false. All tools cannot be deferred.")


def _check_schemas(request: MessagesRequest, family: Capabilities) -> None:
    """The restrictions of output schemas and strict tools are those of Converse."""
    for index, tool in enumerate(request.tools):
        if tool.strict is not msgspec.UNSET and not family.strict_tools:
            raise Invalid(f"tools.{index}.custom.strict: Extra inputs are not permitted")
    if "format" in request.output_config and not family.text_format:
        raise Invalid("output_config.format: Extra inputs are not permitted")
    if "effort" in request.output_config and not (family.reasoning.effort_path or not family.provider):
        raise Invalid("output_config.effort: Extra inputs are not permitted")
    bindings = {f"tools.{i}.custom": tool.input_schema for i, tool in enumerate(request.tools) if tool.strict is True}
    if "format" in request.output_config:
        bindings["output_config.format.schema"] = request.output_config["format"].get("schema", {})
    for path, schema in bindings.items():
        for problem in schema_problems(path, schema, plain=family.plain_schemas):
            raise Invalid(problem)


def _check_parameters(request: MessagesRequest, family: Capabilities) -> None:
    given = [name for name in ("temperature", "top_p", "top_k") if getattr(request, name) is not msgspec.UNSET]
    if given and not family.sampling:
        raise Invalid(f"`{given[0]}` is deprecated for this model.")
    if {"temperature", "top_p"} <= set(given) and not family.temperature_and_top_p:
        raise Invalid("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    kind = request.thinking.get("type")
    if family.reasoning.types and kind is not None and kind not in family.reasoning.types:
        raise Invalid(f"thinking.type: '{kind}' is not supported by this model")


def _check_marks(request: MessagesRequest) -> None:
    system = request.system if isinstance(request.system, list) else []
    marked = [*request.tools, *system, *(block for message in request.messages for block in message.blocks)]
    count = sum(getattr(block, "cache_control", msgspec.UNSET) is not msgspec.UNSET for block in marked)
    if count > MAX_POINTS:
        raise Invalid(f"A maximum of {MAX_POINTS} blocks with cache_control may be provided. Found {count}.")


def _check_messages(messages: list[Message]) -> None:
    if messages[0].role == "assistant":
        raise Invalid("messages: first message must use the user role")
    for i, message in enumerate(messages):
        for j, block in enumerate(message.blocks):
            if isinstance(block, TextBlock) and not block.text.strip():
                raise Invalid(f"messages.{i}.content.{j}: text content blocks must contain non-whitespace text")


def _check_system(messages: list[Message], family: Capabilities) -> None:
    roles = [message.role for message in messages]
    if "system" in roles and not family.system_role:
        raise Invalid(NO_SYSTEM_ROLE)
    for problem in misplaced_system(roles):
        raise Invalid(problem)
    for i, message in enumerate(messages):
        for j, block in enumerate(message.blocks):
            if message.role == "system" and not isinstance(block, TextBlock):
                raise Invalid(f"messages.{i}.content.{j}: only text is supported in a message of role 'system'")


def _check_tools(tools: list[ToolDefinition]) -> None:
    if len({tool.name for tool in tools}) < len(tools):
        raise Invalid("tools: Tool names must be unique.")
    for index, tool in enumerate(tools):
        if tool.type == "custom" and tool.input_schema.get("type") != "object":
            raise Invalid(f"tools.{index}.custom.input_schema.type: Field required")
        if not json_schema.is_valid(tool.input_schema):
            raise Invalid(f"tools.{index}.custom.input_schema: {json_schema.INVALID}")
        restriction = json_schema.claudes_restriction(tool.input_schema)
        if restriction is not None:
            raise Invalid(f"tools.{index}.custom.{restriction}")
