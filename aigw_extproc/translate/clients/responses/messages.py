"""The items of a response's input → the messages of a chat.

https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat, responses
from aigw_extproc.translate.clients.responses.thoughts import unsealed

Thoughts: TypeAlias = list[chat.ThinkingPart | chat.RedactedThinkingPart]


class ChatMessages:
    """The messages, and where in the request each of them comes from."""

    def __init__(self, request: responses.ResponsesRequest) -> None:
        """Raises InvalidRequest for an item, or a part of one, that Bedrock cannot be told."""
        self.messages: list[chat.Message] = []
        self.places: list[str] = []
        self._thoughts: Thoughts = []
        """Of reasoning items: they belong to what the assistant says or does next, and to nothing behind it."""
        if request.instructions is not None:
            self._add(chat.SystemMessage(content=request.instructions), "instructions")
        whole = isinstance(request.input, str)
        for index, item in enumerate(responses.items(request)):
            _ADDERS[type(item)](self, item, "input" if whole else f"input[{index}]")

    def _add(self, message: chat.Message, place: str) -> None:
        self.messages.append(message)
        self.places.append(place)
        self._thoughts = []

    def _message(self, item: responses.Message, place: str) -> None:
        parts: Any = item.content
        if not isinstance(parts, str):
            translate = _PARTS[item.role]
            parts = [translate(part, f"{place}.content[{index}]") for index, part in enumerate(parts)]
        match item.role:
            case "user":
                self._add(chat.UserMessage(content=parts), place)
            case "assistant":
                self._add(chat.AssistantMessage(content=parts, thinking_blocks=self._thoughts or None), place)
            case "system" | "developer":
                self._add(chat.SystemMessage(content=parts), place)

    def _call(self, item: responses.FunctionCall, place: str) -> None:
        call = chat.ToolCall(id=item.call_id, function=chat.FunctionCall(name=item.name, arguments=item.arguments))
        self._add(chat.AssistantMessage(tool_calls=[call], thinking_blocks=self._thoughts or None), place)

    def _output(self, item: responses.FunctionCallOutput, place: str) -> None:
        output: Any = item.output
        if not isinstance(output, str):
            output = [_user_part(part, f"{place}.output[{index}]") for index, part in enumerate(output)]
        self._add(chat.ToolMessage(tool_call_id=item.call_id, content=output), place)

    def _reasoning(self, item: responses.ReasoningItem, place: str) -> None:
        if item.encrypted_content is None:
            self._thoughts.append(chat.ThinkingPart(thinking="".join(part.text for part in item.summary)))
            return
        thought = unsealed(item.encrypted_content, f"{place}.encrypted_content")
        if thought.redacted is not None:
            self._thoughts.append(chat.RedactedThinkingPart(data=thought.redacted))
        else:
            self._thoughts.append(chat.ThinkingPart(thinking=thought.text, signature=thought.signature))


_ADDERS: dict[type, Callable[[ChatMessages, Any, str], None]] = {
    responses.Message: ChatMessages._message,
    responses.FunctionCall: ChatMessages._call,
    responses.FunctionCallOutput: ChatMessages._output,
    responses.ReasoningItem: ChatMessages._reasoning,
}


def _user_part(part: responses.ContentPart, place: str) -> chat.ContentPart:
    match part:
        case responses.InputImage(image_url=str(url)):
            return chat.ImagePart(image_url=url)
        case responses.InputImage():
            raise _no_file(f"{place}.file_id", "image_url, a data: URI or an https address")
        case responses.InputFile(file_data=str(data)):
            return chat.FilePart(file=chat.FileData(file_data=data, filename=part.filename))
        case responses.InputFile():
            name = "file_id" if part.file_url is None else "file_url"
            raise _no_file(f"{place}.{name}", "file_data")
    return _text_part(part, place)


def _text_part(part: responses.ContentPart, place: str) -> chat.ContentPart:
    match part:
        case responses.InputText(text=text) | responses.OutputText(text=text) | responses.Refusal(refusal=text):
            return chat.TextPart(text=text)
    raise InvalidRequest.at(place, "only text can stand in a message of this role")


_PARTS = {"user": _user_part, "assistant": _text_part, "system": _text_part, "developer": _text_part}


def _no_file(place: str, instead: str) -> InvalidRequest:
    return InvalidRequest.at(place, f"Bedrock keeps no files: send the content as {instead}")
