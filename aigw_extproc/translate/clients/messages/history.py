"""The history of a request, message by message, into turns.

What Bedrock would refuse for reasons that a client cannot see is repaired, as for chat completions: roles merged, blank
text removed, tool results put behind their calls. What cannot be repaired without changing the meaning is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.converse import ContentBlock, SystemContentBlock, ToolUseBlock
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.clients.messages.content import ContentTranslator, as_blocks
from aigw_extproc.translate.converse import turns
from aigw_extproc.translate.converse.conversation import Conversation, conversation
from aigw_extproc.translate.converse.results import result_of
from aigw_extproc.translate.converse.tool_names import ToolNames, valid_id
from aigw_extproc.translate.converse.turns import Turn, Vocabulary
from aigw_extproc.wire import given

VOCABULARY = Vocabulary(
    call="tool_use",
    result="a tool_result with this tool_use_id has to be in the next message",
    result_id="tool_use_id",
)

_NO_INPUT = msgspec.Raw(b"{}")


def translate_history(
    request: messages.CountTokensParams,
    *,
    names: ToolNames,
    family: Family,
    content: ContentTranslator,
    tools_as_text: bool,
) -> Conversation:
    """Orders and merges a history for Converse; the system prompt comes before instructions in the middle of it.

    Raises:
        InvalidRequest: the history cannot be told to Bedrock; `param` is the message's or block's path.
    """
    history = _History(names, family, content)
    history.add_instructions(request.system or ())
    for index, message in enumerate(request.messages):
        _ADDERS[type(message)](history, message, f"messages[{index}]")
    turns.check(history.turns, family, VOCABULARY)
    return conversation(history.system, history.turns, family, tools_as_text=tools_as_text)


def names_in_history(history: Sequence[messages.Message]) -> list[str]:
    """The tools that the history calls, in order, once each."""
    assistants = [message for message in history if isinstance(message, messages.AssistantMessage)]
    blocks = [block for message in assistants if not isinstance(message.content, str) for block in message.content]
    return list(dict.fromkeys(block.name for block in blocks if isinstance(block, messages.ToolUseBlock)))


class _History:
    """Turns that grow message by message."""

    def __init__(self, names: ToolNames, family: Family, content: ContentTranslator) -> None:
        self.system: list[SystemContentBlock] = []
        self.turns: list[Turn] = []
        self._names = names
        self._family = family
        self._content = content

    def add_instructions(self, content: str | Sequence[messages.TextBlock]) -> None:
        self.system += [
            SystemContentBlock(text=block.text, cache_point=block.cache_point)
            for block in self._content.text(content, "system")
        ]

    def add_system(self, message: messages.SystemMessage, place: str) -> None:
        self.add_instructions(message.content)

    def add_user(self, message: messages.UserMessage, place: str) -> None:
        turn, before = self._turn("user", place), 0
        before = len(turn.blocks) + len(turn.results)
        blocks = as_blocks(message.content) if isinstance(message.content, str) else message.content
        for index, block in enumerate(blocks):
            where = f"{place}.content[{index}]"
            if isinstance(block, messages.ToolResultBlock):
                self._add_result(turn, block, where)
            else:
                turn.blocks += self._content.told(block, where)
        if len(turn.blocks) + len(turn.results) == before:
            raise InvalidRequest.at(f"{place}.content", "a user message needs text or another block, it is blank")

    def add_assistant(self, message: messages.AssistantMessage, place: str) -> None:
        """One that says nothing leaves no trace, and its neighbours become one turn."""
        said = Turn("assistant", place)
        blocks = as_blocks(message.content) if isinstance(message.content, str) else message.content
        for index, block in enumerate(blocks):
            self._add_said(said, block, f"{place}.content[{index}]")
        if not said.blocks and not said.calls:
            return
        turn = self._turn("assistant", place)
        turn.reasoning += said.reasoning
        turn.blocks += said.blocks
        turn.cache_point = said.cache_point or turn.cache_point
        for call_id, call in said.calls.items():
            self._add_call(turn, call_id, call, place)

    def _turn(self, role: str, place: str) -> Turn:
        """The turn that a message of `role` belongs to: the last one, or a new one."""
        if not self.turns or self.turns[-1].role != role:
            self.turns.append(Turn(role, place))
        return self.turns[-1]

    def _add_said(self, turn: Turn, block: messages.AssistantBlock, place: str) -> None:
        match block:
            case messages.TextBlock():
                turn.blocks += self._content.told(block, place)
            case messages.ToolUseBlock():
                self._add_call(turn, block.id, self._tool_use(block, place), place)
                turn.cache_point = self._content.cache.point(block.cache_control) or turn.cache_point
            case messages.ThinkingBlock() | messages.RedactedThinkingBlock():
                thought = self._content.thought(block)
                turn.reasoning += [thought] if thought else []

    def _add_call(self, turn: Turn, call_id: str, call: ToolUseBlock, place: str) -> None:
        if call_id in turn.calls:
            raise InvalidRequest.at(place, f"the id {call_id!r} is used twice")
        turn.calls[call_id] = call

    def _tool_use(self, block: messages.ToolUseBlock, place: str) -> ToolUseBlock:
        told = given(block.input) or _NO_INPUT
        if not bytes(told).startswith(b"{"):
            raise InvalidRequest.at(f"{place}.input", "has to be a JSON object")
        return ToolUseBlock(valid_id(block.id), self._names.to_bedrock(block.name), told)

    def _add_result(self, turn: Turn, block: messages.ToolResultBlock, place: str) -> None:
        """Marks inside a result count for the whole of it. The first result of a call counts."""
        inner = as_blocks(block.content or "") if not isinstance(block.content, list) else block.content
        marks = [part.cache_control for part in inner if part.cache_control]
        point = self._content.cache.point(block.cache_control or (marks[-1] if marks else None), "results")
        told: list[ContentBlock] = []
        for index, part in enumerate(inner):
            told += self._content.told(part, f"{place}.content[{index}]", marked=False)
        result = result_of(block.tool_use_id, told, self._family, is_error=bool(block.is_error), cache_point=point)
        if block.tool_use_id not in turn.results:
            turn.results[block.tool_use_id] = result
            turn.result_places[block.tool_use_id] = place


_ADDERS: dict[type, Callable[[_History, Any, str], None]] = {
    messages.SystemMessage: _History.add_system,
    messages.UserMessage: _History.add_user,
    messages.AssistantMessage: _History.add_assistant,
}
