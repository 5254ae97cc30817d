"""The history of a chat, message by message, into turns.

Clients send histories that Bedrock refuses for reasons that they cannot see: several messages of one role in a row,
blank text, tool results apart from their calls. Those are repaired here. What cannot be repaired without changing the
meaning is refused, with the path of the message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from aigw_extproc.bedrock.converse import (
    ContentBlock,
    SystemContentBlock,
    ToolResultContentBlock,
    ToolUseBlock,
)
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.clients.chat.content import ContentTranslator
from aigw_extproc.translate.converse import turns
from aigw_extproc.translate.converse.conversation import Conversation, conversation
from aigw_extproc.translate.converse.results import result_of, tool_result
from aigw_extproc.translate.converse.tool_names import ToolNames, valid_id
from aigw_extproc.translate.converse.turns import Result, Turn, Vocabulary

VOCABULARY = Vocabulary(
    call="tool call", result="a tool message with this tool_call_id has to follow it", result_id="tool_call_id"
)


def translate_messages(
    messages: Sequence[chat.Message],
    *,
    names: ToolNames,
    family: Family,
    content: ContentTranslator,
    vocabulary: Vocabulary = VOCABULARY,
    tools_as_text: bool = False,
) -> Conversation:
    """Orders and merges a history for Converse.

    `tools_as_text` writes tool calls and results as text: for a request that forbids tools, since Converse takes no
    tool blocks without a toolConfig.

    Raises:
        InvalidRequest: the history cannot be told to Bedrock; `param` is the message's or part's path.
    """
    history = _History(names, family, content)
    for index, message in enumerate(messages):
        _ADDERS[type(message)](history, message, f"messages[{index}]")
    turns.check(history.turns, family, vocabulary)
    return conversation(history.system, history.turns, family, tools_as_text=tools_as_text)


def names_in_history(messages: Sequence[chat.Message]) -> list[str]:
    """The tools that the history calls, in order, once each."""
    names: dict[str, None] = {}
    for message in messages:
        if type(message) is chat.AssistantMessage:
            for call in message.tool_calls or ():
                names[call.function.name] = None
            if message.function_call is not None:
                names[message.function_call.name] = None
    return list(names)


class _History:
    """Turns that grow message by message."""

    def __init__(self, names: ToolNames, family: Family, content: ContentTranslator) -> None:
        self.system: list[SystemContentBlock] = []
        self.turns: list[Turn] = []
        self._names = names
        self._family = family
        self._content = content

    def add_system(self, message: chat.SystemMessage | chat.DeveloperMessage, place: str) -> None:
        if isinstance(message.content, str):
            if message.content.strip():
                self.system.append(SystemContentBlock(text=message.content))
            return
        for index, part in enumerate(message.content):
            for block in self._content.blocks(part, f"{place}.content[{index}]", where="system"):
                self.system.append(SystemContentBlock(text=block.text, cache_point=block.cache_point))

    def add_user(self, message: chat.UserMessage, place: str) -> None:
        blocks = self._blocks(message.content, place)
        if not blocks:
            raise InvalidRequest.at(f"{place}.content", "a user message needs text or another part, it is blank")
        self._turn("user", place).blocks += blocks

    def add_assistant(self, message: chat.AssistantMessage, place: str) -> None:
        """One that says nothing leaves no trace, and its neighbours become one turn."""
        blocks = self._blocks(message.content, place)
        if message.refusal and message.refusal.strip():
            blocks.append(ContentBlock(text=message.refusal))
        calls = list(self._calls(message, place))
        if not calls and all(block.reasoning_content for block in blocks):
            return
        turn = self._turn("assistant", place)
        turn.reasoning += self._reasoning(message) or [block for block in blocks if block.reasoning_content]
        turn.blocks += [block for block in blocks if not block.reasoning_content]
        for call_id, block in calls:
            if call_id in turn.calls:
                raise InvalidRequest.at(f"{place}.tool_calls", f"the id {call_id!r} is used twice")
            turn.calls[call_id] = block

    def add_tool(self, message: chat.ToolMessage, place: str) -> None:
        if isinstance(message.content, list):
            result = self._result(message, message.content, place)
        else:
            told = [ToolResultContentBlock(text=message.content)] if _says_something(message.content) else []
            point = self._content.cache.point(message.cache_control or message.cache_point, where="results")
            result = Result(tool_result(message.tool_call_id, told, is_error=message.is_error), point)
        self._add_result(message.tool_call_id, result, place)

    def add_function(self, message: chat.FunctionMessage, place: str) -> None:
        legacy = [call_id for turn in self.turns[-2:] for call_id in turn.calls if call_id.startswith(_LEGACY_ID)]
        if not legacy:
            raise InvalidRequest.at(
                f"{place}.name", f"no call of function {message.name!r} in the assistant message before it"
            )
        told = [ToolResultContentBlock(text=message.content)] if _says_something(message.content) else []
        self._add_result(legacy[-1], Result(tool_result(legacy[-1], told)), place)

    def _turn(self, role: str, place: str) -> Turn:
        """The turn that a message of `role` belongs to: the last one, or a new one."""
        if not self.turns or self.turns[-1].role != role:
            self.turns.append(Turn(role, place))
        return self.turns[-1]

    def _blocks(self, parts: str | Sequence[chat.ContentPart] | None, place: str) -> list[ContentBlock]:
        if parts is None or isinstance(parts, str):
            return [ContentBlock(text=parts)] if _says_something(parts) else []
        blocks = self._content.blocks
        return [block for index, part in enumerate(parts) for block in blocks(part, f"{place}.content[{index}]")]

    def _reasoning(self, message: chat.AssistantMessage) -> list[ContentBlock]:
        if not message.thinking_blocks:
            return []
        told = [self._content.reasoning(block) for block in message.thinking_blocks]
        return [block for block in told if block]

    def _calls(self, message: chat.AssistantMessage, place: str) -> Iterator[tuple[str, ToolUseBlock]]:
        """Tool calls by the client's ids; the one call of the days before tools gets an id of ours."""
        for index, call in enumerate(message.tool_calls or ()):
            where = f"{place}.tool_calls[{index}].function.arguments"
            yield call.id, self._tool_use(call.id, call.function, where)
        if message.function_call is not None:
            call_id = f"{_LEGACY_ID}{len(self.turns)}"
            yield call_id, self._tool_use(call_id, message.function_call, f"{place}.function_call.arguments")

    def _tool_use(self, call_id: str, function: chat.FunctionCall, place: str) -> ToolUseBlock:
        arguments = parse_arguments(function.arguments, place, call_id)
        return ToolUseBlock(valid_id(call_id), self._names.to_bedrock(function.name), arguments)

    def _result(self, message: chat.ToolMessage, parts: Sequence[chat.ToolPart], place: str) -> Result:
        """Marks inside a result count for the whole of it, since cache points stand between blocks only."""
        marks = [mark for part in parts if (mark := part.cache_control or part.cache_point)]
        mark = message.cache_control or message.cache_point or (marks[-1] if marks else None)
        blocks = [block for block in self._blocks(parts, place) if not block.cache_point]
        point = self._content.cache.point(mark, where="results")
        return result_of(message.tool_call_id, blocks, self._family, is_error=message.is_error, cache_point=point)

    def _add_result(self, call_id: str, result: Result, place: str) -> None:
        """To the turn behind the call. The first result of a call counts."""
        turn = self._turn("user", place)
        if call_id not in turn.results:
            turn.results[call_id] = result
            turn.result_places[call_id] = place


_ADDERS: dict[type, Callable[[_History, Any, str], None]] = {
    chat.SystemMessage: _History.add_system,
    chat.DeveloperMessage: _History.add_system,
    chat.UserMessage: _History.add_user,
    chat.AssistantMessage: _History.add_assistant,
    chat.ToolMessage: _History.add_tool,
    chat.FunctionMessage: _History.add_function,
}

_LEGACY_ID = "function_call_"
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_NO_ARGUMENTS = msgspec.Raw(b"{}")


def parse_arguments(arguments: str | None, place: str, call_id: str) -> msgspec.Raw:
    """The JSON object that a call's arguments hold; nothing at all means no arguments.

    Raises:
        InvalidRequest: not JSON, or not an object.
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


def _says_something(text: str | None) -> bool:
    return text is not None and bool(text) and not text.isspace()
