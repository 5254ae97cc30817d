"""Messages of a chat → turns.

https://platform.openai.com/docs/api-reference/chat/create
What cannot be repaired without a change of meaning is refused, with the path of the message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from aigw_extproc.bedrock.converse import ContentBlock, ToolResultContentBlock
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.clients.chat import text_input
from aigw_extproc.translate.clients.chat.content import PartTranslator
from aigw_extproc.translate.converse.conversation import Conversation
from aigw_extproc.translate.converse.history import History
from aigw_extproc.translate.converse.results import result_of, tool_result
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.converse.turns import Result, Turn, Vocabulary

VOCABULARY = Vocabulary(
    call="tool call", result="a tool message with this tool_call_id has to follow it", result_id="tool_call_id"
)


def translate_messages(
    messages: Sequence[chat.Message],
    *,
    names: ToolNames,
    family: Family,
    content: PartTranslator,
    vocabulary: Vocabulary = VOCABULARY,
    tools_as_text: bool = False,
) -> Conversation:
    """Translate the messages of a chat.

    `tools_as_text` writes tool calls and results as text, for requests without tools: Converse does not accept tool
    blocks without a toolConfig.

    Raises:
        InvalidRequest: Bedrock does not support the messages; `param` is the path of the message or part.
    """
    translator = _MessageTranslator(names, family, content)
    for index, message in enumerate(messages):
        ADDERS[type(message)](translator, message, f"messages[{index}]")
    return translator.history.conversation(vocabulary, tools_as_text=tools_as_text)


def names_in_history(messages: Sequence[chat.Message]) -> list[str]:
    """Return the names of the tools that the messages call, in order, once each."""
    names: dict[str, None] = {}
    for message in messages:
        if type(message) is chat.AssistantMessage:
            for call in message.tool_calls or ():
                if call.called is not None:
                    names[call.called.name] = None
            if message.function_call is not None:
                names[message.function_call.name] = None
    return list(names)


class _MessageTranslator:
    """Translates the messages of one request."""

    def __init__(self, names: ToolNames, family: Family, content: PartTranslator) -> None:
        self.history = History(names, family)
        self._family = family
        self._content = content

    def add_system(self, message: chat.SystemMessage | chat.DeveloperMessage, place: str) -> None:
        where = self.history.system_place
        blocks = self._blocks(message.content, place, where)
        self._content.cache.mark(blocks, message.mark, where)
        self.history.add_system(blocks, place)

    def add_user(self, message: chat.UserMessage, place: str) -> None:
        blocks = self._blocks(message.content, place)
        if not blocks:
            raise InvalidRequest.at(f"{place}.content", "a user message needs text or another part, but it is blank")
        if message.mark is not None:
            self._content.cache.mark(blocks, message.mark)
        self.history.add_user(blocks, place)

    def add_assistant(self, message: chat.AssistantMessage, place: str) -> None:
        if message.audio is not None:
            raise InvalidRequest.at(f"{place}.audio", "Bedrock keeps no audio: send its transcript as the content")
        if message.images:
            self._content.dropped.append("messages.images")  # Bedrock takes images from users only
        blocks = self._blocks(message.content, place)
        if message.refusal and not message.refusal.isspace():
            blocks.append(ContentBlock(text=message.refusal))
        reasoning = self._reasoning(message.thinking_blocks) if message.thinking_blocks else []
        if isinstance(message.content, list):
            reasoning = reasoning or [block for block in blocks if block.reasoning_content]
            blocks = [block for block in blocks if not block.reasoning_content]
        if message.reasoning_content and not reasoning and not message.thinking_blocks:
            reasoning = self._unsigned(message.reasoning_content)
        if not blocks and not message.tool_calls and message.function_call is None:
            return
        turns_before = len(self.history.turns)
        turn = self.history.turn("assistant", place)
        turn.reasoning += reasoning
        turn.blocks += blocks
        for index, call in enumerate(message.tool_calls or ()):
            self._add_tool_call(turn, call, place, f"{place}.tool_calls[{index}]")
        if message.function_call is not None:
            call_id = f"{_FUNCTION_CALL_ID}{turns_before}"
            self._add_call(turn, call_id, message.function_call, place, f"{place}.function_call")
        if message.mark is not None:
            self._mark(turn, message.mark)

    def _mark(self, turn: Turn, mark: chat.CacheMark) -> None:
        if turn.calls:
            turn.cache_point = self._content.cache.point(mark) or turn.cache_point
        else:
            self._content.cache.mark(turn.blocks, mark)

    def _add_tool_call(self, turn: Turn, call: chat.ToolCall, place: str, where: str) -> None:
        match call.called:
            case chat.FunctionCall() as function:
                self._add_call(turn, call.id, function, place, f"{where}.function")
            case chat.CustomCall(name=name, input=text):
                arguments = msgspec.Raw(text_input.encode(text).encode())
                self.history.add_call(turn, call.id, name, arguments, f"{place}.tool_calls")
            case None:
                raise InvalidRequest.at(f"{where}.{call.type}", "the tool call has to say what it calls")

    def _add_call(self, turn: Turn, call_id: str, function: chat.FunctionCall, place: str, where: str) -> None:
        arguments = parse_arguments(function.arguments, f"{where}.arguments", call_id)
        self.history.add_call(turn, call_id, function.name, arguments, f"{place}.tool_calls")

    def add_tool(self, message: chat.ToolMessage, place: str) -> None:
        if isinstance(message.content, list):
            result = self._result(message, message.content, place)
        else:
            point = self._content.cache.point(message.mark, where="results")
            content = _text_content(message.content)
            result = Result(tool_result(message.tool_call_id, content, is_error=message.is_error), point)
        self.history.add_result(message.tool_call_id, result, place)

    def add_function(self, message: chat.FunctionMessage, place: str) -> None:
        calls = [call_id for turn in self.history.turns[-2:] for call_id in turn.calls]
        function_calls = [call_id for call_id in calls if call_id.startswith(_FUNCTION_CALL_ID)]
        if not function_calls:
            raise InvalidRequest.at(
                f"{place}.name", f"no call of function {message.name!r} in the assistant message before it"
            )
        point = self._content.cache.point(message.mark, where="results")
        result = Result(tool_result(function_calls[-1], _text_content(message.content)), point)
        self.history.add_result(function_calls[-1], result, place)

    def _blocks(
        self, parts: str | Sequence[chat.ContentPart] | None, place: str, where: str = "messages"
    ) -> list[ContentBlock]:
        if parts is None or isinstance(parts, str):
            return [] if _is_blank(parts) else [ContentBlock(text=parts)]
        blocks = self._content.blocks
        return [block for index, part in enumerate(parts) for block in blocks(part, f"{place}.content[{index}]", where)]

    def _reasoning(self, parts: Sequence[chat.ThinkingPart | chat.RedactedThinkingPart]) -> list[ContentBlock]:
        return [block for block in map(self._content.reasoning, parts) if block]

    def _unsigned(self, text: str) -> list[ContentBlock]:
        """Return reasoning that came back without its blocks, for models that do not sign it."""
        blocks = self._reasoning([chat.ThinkingPart(thinking=text)])
        if not blocks:
            self._content.dropped.append("messages.reasoning_content")
        return blocks

    def _result(self, message: chat.ToolMessage, parts: Sequence[chat.ToolPart], place: str) -> Result:
        # A cache mark inside a result applies to the whole result: cache points stand between blocks only.
        marks = [part.mark for part in parts if part.mark]
        mark = message.mark or (marks[-1] if marks else None)
        blocks = [block for block in self._blocks(parts, place) if not block.cache_point]
        point = self._content.cache.point(mark, where="results")
        return result_of(message.tool_call_id, blocks, self._family, is_error=message.is_error, cache_point=point)


# A table, since it is looked up for every message of long histories.
ADDERS: dict[type, Callable[[_MessageTranslator, Any, str], None]] = {
    chat.SystemMessage: _MessageTranslator.add_system,
    chat.DeveloperMessage: _MessageTranslator.add_system,
    chat.UserMessage: _MessageTranslator.add_user,
    chat.AssistantMessage: _MessageTranslator.add_assistant,
    chat.ToolMessage: _MessageTranslator.add_tool,
    chat.FunctionMessage: _MessageTranslator.add_function,
}

_FUNCTION_CALL_ID = "function_call_"
"""How the ids begin that are given to calls in the old field `function_call`, which have none."""


class _Object(msgspec.Struct):
    """Any object, of which nothing is kept."""


_OBJECT = msgspec.json.Decoder(_Object)
_NO_ARGUMENTS = msgspec.Raw(b"{}")


def parse_arguments(arguments: str | None, place: str, call_id: str) -> msgspec.Raw:
    """Check the arguments of a tool call; absent or blank ones are the empty object.

    Raises:
        InvalidRequest: they are not a JSON object.
    """
    if arguments is None or arguments.strip() in {"", "null"}:
        return _NO_ARGUMENTS
    try:
        _OBJECT.decode(arguments)
    except msgspec.ValidationError:
        raise InvalidRequest.at(
            place, f"the arguments of tool call {call_id!r} have to be a JSON object, got {arguments[:60]!r}"
        ) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest.at(place, f"the arguments of tool call {call_id!r} are not valid JSON: {error}") from None
    return msgspec.Raw(arguments.encode())


def _text_content(text: str | None) -> list[ToolResultContentBlock]:
    return [] if _is_blank(text) else [ToolResultContentBlock(text=text)]


def _is_blank(text: str | None) -> bool:
    return not text or text.isspace()
