"""The items of a response's input.

https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from aigw_extproc import wire
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai.chat import Markable


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


class SummaryText(msgspec.Struct, frozen=True, kw_only=True):
    text: str


class ReasoningItem(msgspec.Struct, frozen=True, kw_only=True):
    """Reasoning of an earlier response; `encrypted_content` holds it with the model's signature."""

    summary: list[SummaryText] = []  # msgspec copies mutable defaults
    encrypted_content: str | None = None


class FunctionCall(Markable, frozen=True, kw_only=True):
    call_id: str
    name: str
    namespace: str | None = None
    arguments: str | None = None


class CustomToolCall(Markable, frozen=True, kw_only=True):
    call_id: str
    name: str
    namespace: str | None = None
    input: str = ""


class ToolOutput(Markable, frozen=True, kw_only=True):
    """The result of a function or a custom tool."""

    call_id: str
    output: str | list[ContentPart]


class ToolSearchCall(msgspec.Struct, frozen=True, kw_only=True):
    """A search for tools; OpenAI's own has no `call_id`."""

    call_id: str | None = None
    arguments: msgspec.Raw = msgspec.Raw()


class ToolSearchOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The tools that a search has found: the model can use them from now on."""

    call_id: str | None = None
    tools: wire.Tools[msgspec.Raw] = []


class AdditionalTools(msgspec.Struct, frozen=True, kw_only=True):
    """Tools that the model can use from now on."""

    tools: wire.Tools[msgspec.Raw] = []


class LocalShellCall(msgspec.Struct, frozen=True, kw_only=True):
    call_id: str
    action: msgspec.Raw
    id: str | None = None


class LocalShellOutput(msgspec.Struct, frozen=True, kw_only=True):
    """The output of a command; it names the call by its `call_id`, or by the item's `id`."""

    output: str
    call_id: str | None = None
    id: str | None = None


class ShellCall(msgspec.Struct, frozen=True, kw_only=True):
    call_id: str
    action: msgspec.Raw


class ShellOutput(msgspec.Struct, frozen=True, kw_only=True):
    call_id: str
    output: msgspec.Raw


class ApplyPatchCall(msgspec.Struct, frozen=True, kw_only=True):
    call_id: str
    operation: msgspec.Raw


class ApplyPatchOutput(msgspec.Struct, frozen=True, kw_only=True):
    call_id: str
    status: str
    output: str | None = None


class ServerItem(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool of OpenAI's own servers has left in the conversation."""

    type: str


Item = (
    Message
    | ReasoningItem
    | FunctionCall
    | CustomToolCall
    | ToolOutput
    | ToolSearchCall
    | ToolSearchOutput
    | AdditionalTools
    | LocalShellCall
    | LocalShellOutput
    | ShellCall
    | ShellOutput
    | ApplyPatchCall
    | ApplyPatchOutput
    | ServerItem
)


class _Typed(msgspec.Struct, frozen=True):
    type: str = "message"


_TYPED = msgspec.json.Decoder(_Typed)
_OUTPUT: msgspec.json.Decoder[Item] = msgspec.json.Decoder(ToolOutput)
_SERVER_ITEM: msgspec.json.Decoder[Item] = msgspec.json.Decoder(ServerItem)
_ITEMS: Mapping[str, msgspec.json.Decoder[Item]] = {
    "message": msgspec.json.Decoder(Message),
    "reasoning": msgspec.json.Decoder(ReasoningItem),
    "function_call": msgspec.json.Decoder(FunctionCall),
    "function_call_output": _OUTPUT,
    "custom_tool_call": msgspec.json.Decoder(CustomToolCall),
    "custom_tool_call_output": _OUTPUT,
    "tool_search_call": msgspec.json.Decoder(ToolSearchCall),
    "tool_search_output": msgspec.json.Decoder(ToolSearchOutput),
    "additional_tools": msgspec.json.Decoder(AdditionalTools),
    "local_shell_call": msgspec.json.Decoder(LocalShellCall),
    "local_shell_call_output": msgspec.json.Decoder(LocalShellOutput),
    "shell_call": msgspec.json.Decoder(ShellCall),
    "shell_call_output": msgspec.json.Decoder(ShellOutput),
    "apply_patch_call": msgspec.json.Decoder(ApplyPatchCall),
    "apply_patch_call_output": msgspec.json.Decoder(ApplyPatchOutput),
    **dict.fromkeys(
        (
            "web_search_call",
            "file_search_call",
            "code_interpreter_call",
            "image_generation_call",
            "mcp_call",
            "mcp_list_tools",
            "mcp_approval_request",
            "mcp_approval_response",
        ),
        _SERVER_ITEM,
    ),
}


def decode_item(raw: msgspec.Raw, place: str) -> Item:
    """Decode an item; `place` is its path in the request.

    Raises:
        InvalidRequest: its type is not supported, or a field is wrong.
    """
    kind = wire.decode_at(_TYPED, raw, place).type
    decoder = _ITEMS.get(kind)
    if decoder is None:
        raise InvalidRequest.at(
            f"{place}.type", f"items of the type {kind!r} are not supported: send what they say as messages"
        )
    return wire.decode_at(decoder, raw, place)
