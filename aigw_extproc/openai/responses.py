"""The request of the Responses API.

https://platform.openai.com/docs/api-reference/responses/create
The gateway is stateless: a request that refers to an earlier response, a conversation or a stored prompt is rejected
with an error that says what to send instead.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from aigw_extproc import wire
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai.chat import AwsExtension, Markable


class Part(Markable, frozen=True, kw_only=True, tag_field="type"):
    """Base of all content parts."""


class InputText(Part, frozen=True, tag="input_text"):
    text: str


class InputImage(Part, frozen=True, tag="input_image"):
    image_url: str | None = None
    file_id: str | None = None


class InputFile(Part, frozen=True, tag="input_file"):
    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None
    file_url: str | None = None


class OutputText(Part, frozen=True, tag="output_text"):
    """Text of an earlier response."""

    text: str


class Refusal(Part, frozen=True, tag="refusal"):
    refusal: str


ContentPart = InputText | InputImage | InputFile | OutputText | Refusal


class Message(Markable, frozen=True, kw_only=True):
    """A message item; its `type` is optional."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[ContentPart]


class FunctionCall(Markable, frozen=True, kw_only=True):
    call_id: str
    name: str
    arguments: str | None = None


class FunctionCallOutput(Markable, frozen=True, kw_only=True):
    call_id: str
    output: str | list[ContentPart]


class SummaryText(msgspec.Struct, frozen=True, kw_only=True):
    text: str


class ReasoningItem(msgspec.Struct, frozen=True, kw_only=True):
    """Reasoning of an earlier response; `encrypted_content` holds it with the model's signature."""

    summary: list[SummaryText] = []  # msgspec copies mutable defaults
    encrypted_content: str | None = None


Item = Message | FunctionCall | FunctionCallOutput | ReasoningItem


class FunctionTool(Markable, frozen=True, kw_only=True):
    """A tool; for tools other than functions only `type` is read."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw()
    strict: bool | None = None


class NamedTool(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    name: str | None = None


class NamedToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A function, or with type `allowed_tools` a subset of `tools` and how to choose from it."""

    type: str
    name: str | None = None
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
    """Items are decoded by `items`: messages may lack `type`, so a tagged union cannot decode them."""
    instructions: str | None = None
    tools: wire.Tools[FunctionTool] | None = None
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


class _Typed(msgspec.Struct, frozen=True):
    type: str = "message"


_REQUEST = msgspec.json.Decoder(ResponsesRequest)
_TYPED = msgspec.json.Decoder(_Typed)
_ITEMS: dict[str, msgspec.json.Decoder[Item]] = {
    "message": msgspec.json.Decoder(Message),
    "function_call": msgspec.json.Decoder(FunctionCall),
    "function_call_output": msgspec.json.Decoder(FunctionCallOutput),
    "reasoning": msgspec.json.Decoder(ReasoningItem),
}
_STATEFUL = {
    "previous_response_id": "send the items of the conversation so far as `input`",
    "conversation": "send the items of the conversation so far as `input`",
    "prompt": "send the prompt's text as `instructions` or `input`",
    "store": "leave `store` out, or send false",
    "background": "leave `background` out, and wait for the response or stream it",
}
"""Advice by field: what to do instead of using a parameter that needs stored responses."""


def parse(body: bytes) -> ResponsesRequest:
    """Parse the body of POST /v1/responses.

    Raises:
        InvalidRequest: the body is not JSON, or a field has the wrong type or needs stored responses; `param` is the
            field's path.
    """
    request = wire.decode_open(_REQUEST, body)
    for name, advice in _STATEFUL.items():
        if _is_set(getattr(request, name)):
            raise InvalidRequest.at(name, f"the gateway does not store responses: {advice}")
    return request


def items(request: ResponsesRequest) -> list[Item]:
    """Decode the items of `input`, in order; a string is one user message.

    Raises:
        InvalidRequest: the type of an item is not supported, or a field of an item is wrong.
    """
    if isinstance(request.input, str):
        return [Message(role="user", content=request.input)]
    return [_item(raw, f"input[{index}]") for index, raw in enumerate(request.input)]


def _item(raw: msgspec.Raw, place: str) -> Item:
    kind = _decode(_TYPED, raw, place).type
    if kind == "item_reference":
        raise InvalidRequest.at(place, "the gateway does not store items: send the item itself")
    decoder = _ITEMS.get(kind)
    if decoder is None:
        raise InvalidRequest.at(f"{place}.type", f"expected one of {', '.join(_ITEMS)}, got {kind!r}")
    return _decode(decoder, raw, place)


def _decode(decoder: msgspec.json.Decoder[wire.T], raw: msgspec.Raw, place: str) -> wire.T:
    try:
        return wire.decode(decoder, bytes(raw))
    except InvalidRequest as error:
        if error.param is None:
            raise InvalidRequest.at(place, error.reason) from None
        raise InvalidRequest.at(f"{place}.{error.param}", error.reason) from None


def _is_set(value: object) -> bool:
    return wire.given(value) is not None if isinstance(value, msgspec.Raw) else value not in {None, False}
