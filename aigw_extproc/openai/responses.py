"""Responses: the request, as clients send it.

https://platform.openai.com/docs/api-reference/responses/create
The gateway keeps nothing: what refers to an earlier response, a conversation or a stored prompt is refused, with a
sentence that says what to send instead. Top-level fields that are not declared are collected by name, so that they can
be reported as dropped.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from aigw_extproc import wire
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai.chat import AwsExtension


class Part(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
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
    """What the gateway gave out, sent back."""

    text: str


class Refusal(Part, frozen=True, tag="refusal"):
    refusal: str


ContentPart = InputText | InputImage | InputFile | OutputText | Refusal


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """With or without `type`: the API takes both."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[ContentPart]


class FunctionCall(msgspec.Struct, frozen=True, kw_only=True):
    call_id: str
    name: str
    arguments: str | None = None


class FunctionCallOutput(msgspec.Struct, frozen=True, kw_only=True):
    call_id: str
    output: str | list[ContentPart]


class SummaryText(msgspec.Struct, frozen=True, kw_only=True):
    text: str


class ReasoningItem(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway gave out as reasoning; `encrypted_content` holds what the model signed."""

    summary: list[SummaryText] = []  # msgspec copies mutable defaults
    encrypted_content: str | None = None


Item = Message | FunctionCall | FunctionCallOutput | ReasoningItem


class FunctionTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool; only functions have more than a type here."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw()
    strict: bool | None = None


class NamedTool(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    name: str | None = None


class NamedToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A function; or, of type `allowed_tools`, some of those that are offered, and how to choose among them."""

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


class Text(msgspec.Struct, frozen=True, kw_only=True):
    format: Format | None = None
    verbosity: str | None = None


class ResponsesRequest(wire.Open, frozen=True, kw_only=True):
    model: str
    input: str | list[msgspec.Raw]
    """Its items are read by `items`: a message may come without the type that would say so."""
    instructions: str | None = None
    tools: list[FunctionTool] | None = None
    tool_choice: str | NamedToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: Text | None = None
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
"""What to do instead of what only a gateway could do that keeps responses, by field."""


def parse(body: bytes) -> ResponsesRequest:
    """Parses the body of POST /v1/responses.

    Raises:
        InvalidRequest: the body is not JSON, a field has the wrong type, or asks for something to be kept; `param` is
            the field's path.
    """
    request = wire.decode_open(_REQUEST, body)
    for name, advice in _STATEFUL.items():
        if _asks(getattr(request, name)):
            raise InvalidRequest.at(name, f"the gateway keeps no responses: {advice}")
    return request


def items(request: ResponsesRequest) -> list[Item]:
    """The items of `input`, in order; a string is one user message.

    Raises:
        InvalidRequest: an item is of no type that Bedrock can be told, or a field of it is wrong.
    """
    if isinstance(request.input, str):
        return [Message(role="user", content=request.input)]
    return [_item(raw, f"input[{index}]") for index, raw in enumerate(request.input)]


def _item(raw: msgspec.Raw, place: str) -> Item:
    kind = _decode(_TYPED, raw, place).type
    if kind == "item_reference":
        raise InvalidRequest.at(place, "the gateway keeps no items: send the item itself")
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


def _asks(value: object) -> bool:
    return wire.given(value) is not None if isinstance(value, msgspec.Raw) else value not in {None, False}
