"""The request of the Responses API.

https://platform.openai.com/docs/api-reference/responses/create
A request that refers to a conversation or a prompt of OpenAI's is refused with an error that says what to send instead.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from aigw_extproc import wire
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai.chat import AwsExtension


class NamedTool(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    name: str | None = None
    namespace: str | None = None


class NamedToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A tool, or with type `allowed_tools` a subset of `tools` and how to choose from it."""

    type: str
    name: str | None = None
    namespace: str | None = None
    mode: Literal["auto", "required"] = "auto"
    tools: list[NamedTool] = []  # msgspec copies mutable defaults


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    effort: str | None = None
    summary: str | None = None


class Format(msgspec.Struct, frozen=True, kw_only=True):
    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema: msgspec.Raw = msgspec.Raw()
    description: str | None = None
    strict: bool | None = None


class TextConfig(msgspec.Struct, frozen=True, kw_only=True):
    format: Format | None = None
    verbosity: str | None = None


class ResponsesRequest(wire.Open, frozen=True, kw_only=True):
    model: str
    input: str | wire.Messages[msgspec.Raw]
    """Decoded by `response_items`: messages may lack `type`, so a tagged union cannot decode them."""
    instructions: str | None = None
    tools: wire.Tools[msgspec.Raw] | None = None
    """Decoded by `response_tools`."""
    tool_choice: str | NamedToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    stream: bool | None = None
    include: list[str] | None = None
    truncation: str | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()
    aws: AwsExtension | None = None


_REQUEST = msgspec.json.Decoder(ResponsesRequest)
_STATEFUL = {
    "conversation": "OpenAI's conversations are not here: send their items as `input`",
    "prompt": "OpenAI's prompts are not here: send the text as `instructions` or `input`",
    "background": "there are no responses in the background: wait for the response, or stream it",
}
"""Why a parameter is refused, by its name."""


def parse(body: bytes) -> ResponsesRequest:
    """Parse the body of POST /v1/responses.

    Raises:
        InvalidRequest: the body is not JSON, or a field has the wrong type or needs what only OpenAI keeps; `param` is
            the field's path.
    """
    request = wire.decode_open(_REQUEST, body)
    for name, reason in _STATEFUL.items():
        if _is_set(getattr(request, name)):
            raise InvalidRequest.at(name, reason)
    return request


def _is_set(value: object) -> bool:
    return wire.given(value) is not None if isinstance(value, msgspec.Raw) else value not in {None, False}
