"""Items of a response's input → messages of a chat.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, assert_never

import msgspec

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.openai import response_items as items
from aigw_extproc.translate.clients.chat import text_input
from aigw_extproc.translate.clients.responses import encrypted_content
from aigw_extproc.translate.clients.responses.client_tools import (
    APPLY_PATCH,
    LOCAL_SHELL,
    SHELL,
    TOOL_SEARCH,
    ClientTool,
)
from aigw_extproc.translate.clients.responses.history import PlacedItem
from aigw_extproc.translate.clients.responses.tools import Tools

ThinkingBlocks: TypeAlias = list[chat.ThinkingPart | chat.RedactedThinkingPart]
OtherCall: TypeAlias = (
    items.CustomToolCall | items.ToolSearchCall | items.LocalShellCall | items.ShellCall | items.ApplyPatchCall
)
OtherOutput: TypeAlias = items.ToolSearchOutput | items.LocalShellOutput | items.ShellOutput | items.ApplyPatchOutput


class ChatMessages:
    """The messages of one request, and the path of the item that each of them comes from."""

    def __init__(self, instructions: str | None, history: Sequence[PlacedItem], tools: Tools) -> None:
        """Raises InvalidRequest for an item or a part that Bedrock does not support."""
        self.messages: list[chat.Message] = []
        self.places: list[str] = []
        self.dropped: list[str] = []
        self._tools = tools
        self._thinking_blocks: ThinkingBlocks = []
        """Reasoning items since the last message: they belong to the next one, if it is the assistant's."""
        self._local_shell_calls: dict[str, str] = {}
        """The `call_id` by the `id` of the item."""
        if instructions is not None:
            self._append(chat.SystemMessage(content=instructions), "instructions")
        for place, item in history:
            self._add(item, place)

    def _add(self, item: items.Item, place: str) -> None:
        match item:
            case items.Message():
                self._append(self._message(item, place), place)
            case items.ReasoningItem():
                self._thinking_blocks.append(_thinking_block(item, place))
            case items.ServerItem(type=kind):
                self.dropped.append(f"input:{kind}")
            case items.AdditionalTools():
                pass  # `Tools` has them
            case items.FunctionCall(arguments=arguments):
                tool = ClientTool(name=item.name, namespace=item.namespace)
                self._call(tool, item.call_id, arguments, place, item.mark)
            case items.ToolOutput(output=output):
                self._result(item.call_id, self._parts(output, place), place, mark=item.mark)
            case items.LocalShellOutput() | items.ShellOutput() | items.ApplyPatchOutput() | items.ToolSearchOutput():
                self._add_output(item, place)
            case _:
                self._add_call(item, place)

    def _add_call(self, item: OtherCall, place: str) -> None:
        """Add the call of a tool that is not a function."""
        match item:
            case items.CustomToolCall():
                tool = ClientTool(kind="custom", name=item.name, namespace=item.namespace)
                self._call(tool, item.call_id, text_input.encode(item.input), place, item.mark)
            case items.ToolSearchCall():
                if item.call_id is not None:  # otherwise OpenAI has searched: the tools that it found are offered
                    self._call(TOOL_SEARCH, item.call_id, _text(item.arguments), place)
            case items.LocalShellCall():
                self._local_shell_calls[item.id or ""] = item.call_id
                self._call(LOCAL_SHELL, item.call_id, _text(item.action), place)
            case items.ShellCall():
                self._call(SHELL, item.call_id, _text(item.action), place)
            case items.ApplyPatchCall():
                self._call(APPLY_PATCH, item.call_id, _text(item.operation), place)
            case _:
                assert_never(item)

    def _add_output(self, item: OtherOutput, place: str) -> None:
        """Add the result of a tool that is not a function."""
        match item:
            case items.ToolSearchOutput():
                if item.call_id is not None:
                    self._result(item.call_id, f"{len(item.tools)} tools found, which can be called now", place)
            case items.LocalShellOutput(call_id=call_id, id=item_id):
                self._result(call_id or self._local_shell_calls.get(item_id or "", ""), item.output, place)
            case items.ShellOutput():
                self._result(item.call_id, _text(item.output), place)
            case items.ApplyPatchOutput(status=status):
                self._result(item.call_id, item.output or status, place, is_error=status == "failed")
            case _:
                assert_never(item)

    def _call(
        self, tool: ClientTool, call_id: str, arguments: str | None, place: str, mark: chat.CacheMark | None = None
    ) -> None:
        function = chat.FunctionCall(name=self._tools.function_of(tool), arguments=arguments)
        call = chat.ToolCall(id=call_id, function=function)
        message = chat.AssistantMessage(
            tool_calls=[call], thinking_blocks=self._thinking_blocks or None, cache_control=mark
        )
        self._append(message, place)

    def _result(
        self, call_id: str, content: Any, place: str, *, is_error: bool = False, mark: chat.CacheMark | None = None
    ) -> None:
        result = chat.ToolMessage(tool_call_id=call_id, content=content, is_error=is_error, cache_control=mark)
        self._append(result, place)

    def _parts(self, output: str | list[items.ContentPart], place: str) -> str | list[chat.ContentPart]:
        if isinstance(output, str):
            return output
        return [_user_part(part, f"{place}.output[{index}]") for index, part in enumerate(output)]

    def _append(self, message: chat.Message, place: str) -> None:
        self.messages.append(message)
        self.places.append(place)
        self._thinking_blocks = []

    def _message(self, item: items.Message, place: str) -> chat.Message:
        parts: Any = item.content
        if not isinstance(parts, str):
            translate = _user_part if item.role == "user" else _text_part
            parts = [translate(part, f"{place}.content[{index}]") for index, part in enumerate(parts)]
        match item.role:
            case "user":
                return chat.UserMessage(content=parts, cache_control=item.mark)
            case "assistant":
                thinking = self._thinking_blocks or None
                return chat.AssistantMessage(content=parts, thinking_blocks=thinking, cache_control=item.mark)
            case "system" | "developer":
                return chat.SystemMessage(content=parts, cache_control=item.mark)
            case _:
                assert_never(item.role)


def _text(raw: msgspec.Raw) -> str:
    return bytes(raw).decode()


def _thinking_block(item: items.ReasoningItem, place: str) -> chat.ThinkingPart | chat.RedactedThinkingPart:
    if item.encrypted_content is None:
        return chat.ThinkingPart(thinking="".join(part.text for part in item.summary))
    content = encrypted_content.decode(item.encrypted_content, f"{place}.encrypted_content")
    if content.redacted is not None:
        return chat.RedactedThinkingPart(data=content.redacted)
    return chat.ThinkingPart(thinking=content.text, signature=content.signature)


def _user_part(part: items.ContentPart, place: str) -> chat.ContentPart:
    match part:
        case items.InputImage(image_url=str(url)):
            return chat.ImagePart(image_url=url, cache_control=part.mark)
        case items.InputImage():
            raise _no_file(f"{place}.file_id", "image_url, a data: URI or an https address")
        case items.InputFile(file_data=str(data)):
            return chat.FilePart(file=chat.FileData(file_data=data, filename=part.filename), cache_control=part.mark)
        case items.InputFile():
            name = "file_id" if part.file_url is None else "file_url"
            raise _no_file(f"{place}.{name}", "file_data")
        case items.InputText() | items.OutputText() | items.Refusal():
            return _text_part(part, place)
        case _:
            assert_never(part)


def _text_part(part: items.ContentPart, place: str) -> chat.ContentPart:
    match part:
        case items.InputText(text=text) | items.OutputText(text=text) | items.Refusal(refusal=text):
            return chat.TextPart(text=text, cache_control=part.mark)
        case items.InputImage() | items.InputFile():
            raise InvalidRequest.at(place, "a message of this role can hold text only")
        case _:
            assert_never(part)


def _no_file(place: str, instead: str) -> InvalidRequest:
    return InvalidRequest.at(place, f"Bedrock keeps no files: send the content as {instead}")
