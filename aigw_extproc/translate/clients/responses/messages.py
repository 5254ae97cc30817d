"""Items of a response's input → messages of a chat.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import Any, TypeAlias, assert_never

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat, responses
from aigw_extproc.translate.clients.responses import encrypted_content

ThinkingBlocks: TypeAlias = list[chat.ThinkingPart | chat.RedactedThinkingPart]


class ChatMessages:
    """The messages of one request, and the path of the item that each of them comes from."""

    def __init__(self, request: responses.ResponsesRequest) -> None:
        """Raises InvalidRequest for an item or a part that Bedrock does not support."""
        self.messages: list[chat.Message] = []
        self.places: list[str] = []
        self._thinking_blocks: ThinkingBlocks = []
        """Reasoning items since the last message: they belong to the next one, if it is the assistant's."""
        if request.instructions is not None:
            self._append(chat.SystemMessage(content=request.instructions), "instructions")
        is_text = isinstance(request.input, str)
        for index, item in enumerate(responses.items(request)):
            self._add(item, "input" if is_text else f"input[{index}]")

    def _add(self, item: responses.Item, place: str) -> None:
        match item:
            case responses.Message():
                self._append(self._message(item, place), place)
            case responses.FunctionCall():
                function = chat.FunctionCall(name=item.name, arguments=item.arguments)
                call = chat.ToolCall(id=item.call_id, function=function)
                message = chat.AssistantMessage(
                    tool_calls=[call], thinking_blocks=self._thinking_blocks or None, cache_control=item.mark
                )
                self._append(message, place)
            case responses.FunctionCallOutput():
                output: Any = item.output
                if not isinstance(output, str):
                    output = [_user_part(part, f"{place}.output[{index}]") for index, part in enumerate(output)]
                result = chat.ToolMessage(tool_call_id=item.call_id, content=output, cache_control=item.mark)
                self._append(result, place)
            case responses.ReasoningItem():
                self._thinking_blocks.append(_thinking_block(item, place))
            case _:
                assert_never(item)

    def _append(self, message: chat.Message, place: str) -> None:
        self.messages.append(message)
        self.places.append(place)
        self._thinking_blocks = []

    def _message(self, item: responses.Message, place: str) -> chat.Message:
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


def _thinking_block(item: responses.ReasoningItem, place: str) -> chat.ThinkingPart | chat.RedactedThinkingPart:
    if item.encrypted_content is None:
        return chat.ThinkingPart(thinking="".join(part.text for part in item.summary))
    content = encrypted_content.decode(item.encrypted_content, f"{place}.encrypted_content")
    if content.redacted is not None:
        return chat.RedactedThinkingPart(data=content.redacted)
    return chat.ThinkingPart(thinking=content.text, signature=content.signature)


def _user_part(part: responses.ContentPart, place: str) -> chat.ContentPart:
    match part:
        case responses.InputImage(image_url=str(url)):
            return chat.ImagePart(image_url=url, cache_control=part.mark)
        case responses.InputImage():
            raise _no_file(f"{place}.file_id", "image_url, a data: URI or an https address")
        case responses.InputFile(file_data=str(data)):
            return chat.FilePart(file=chat.FileData(file_data=data, filename=part.filename), cache_control=part.mark)
        case responses.InputFile():
            name = "file_id" if part.file_url is None else "file_url"
            raise _no_file(f"{place}.{name}", "file_data")
        case responses.InputText() | responses.OutputText() | responses.Refusal():
            return _text_part(part, place)
        case _:
            assert_never(part)


def _text_part(part: responses.ContentPart, place: str) -> chat.ContentPart:
    match part:
        case responses.InputText(text=text) | responses.OutputText(text=text) | responses.Refusal(refusal=text):
            return chat.TextPart(text=text, cache_control=part.mark)
        case responses.InputImage() | responses.InputFile():
            raise InvalidRequest.at(place, "a message of this role can hold text only")
        case _:
            assert_never(part)


def _no_file(place: str, instead: str) -> InvalidRequest:
    return InvalidRequest.at(place, f"Bedrock keeps no files: send the content as {instead}")
