"""The turns of a conversation, built message by message.

What Bedrock refuses for a reason that the client cannot see is repaired: messages of one role in a row are merged,
blank assistant messages are removed, tool results are moved to the turn after their calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from aigw_extproc.bedrock.converse import ContentBlock, SystemContentBlock, ToolUseBlock
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.converse import turns
from aigw_extproc.translate.converse.conversation import Conversation, conversation
from aigw_extproc.translate.converse.reminders import reminder, tool_change
from aigw_extproc.translate.converse.schemas.keys import translated
from aigw_extproc.translate.converse.tool_names import ToolNames, valid_id
from aigw_extproc.translate.converse.turns import Result, Turn, Vocabulary


class History:
    """The system prompt and the turns of one request.

    Every message only adds to what earlier messages have become: Bedrock caches the beginning of a prompt.
    """

    def __init__(self, names: ToolNames, family: Family) -> None:
        self.turns: list[Turn] = []
        self._system: list[SystemContentBlock] = []
        self._names = names
        self._family = family

    def turn(self, role: str, place: str) -> Turn:
        """Return the turn of a message: the last turn if it has this role, else a new one."""
        if not self.turns or self.turns[-1].role != role:
            self.turns.append(Turn(role, place))
        return self.turns[-1]

    @property
    def system_place(self) -> Literal["system", "messages"]:
        """Where the blocks of a system message go now: only those before all other messages are the system prompt."""
        return "messages" if self.turns else "system"

    def add_user(self, blocks: list[ContentBlock], place: str) -> None:
        """Add a user message, or what it has besides tool results."""
        turn = self.turn("user", place)
        if blocks:
            turn.starts.append(len(turn.blocks))
            turn.blocks += turns.with_text(blocks)

    def add_system(self, blocks: Iterable[ContentBlock], place: str) -> None:
        """Add a system message: to the system prompt, or in its place in the conversation."""
        if not self.turns:
            self._system += [
                SystemContentBlock(text=block.text, guard_content=block.guard_content, cache_point=block.cache_point)
                for block in map(_in_words, blocks)
            ]
        elif blocks := list(blocks):
            self._add_instruction(blocks, place)

    def _add_instruction(self, blocks: list[ContentBlock], place: str) -> None:
        """Add a system message within the conversation: with its own role only after a user turn that is complete."""
        last = self.turns[-1]
        if self._family.system_role and (last.role == "system" or (last.role == "user" and not self._awaits_results)):
            self.turn("system", place).blocks += blocks
        else:
            self.add_user([_as_reminder(_in_words(block)) for block in blocks], place)

    @property
    def _awaits_results(self) -> bool:
        calls = self.turns[-2].calls if len(self.turns) > 1 else ()
        return any(call_id not in self.turns[-1].results for call_id in calls)

    def add_assistant(self, message: Turn, place: str) -> None:
        """Add an assistant message; one without content is left out. Raises InvalidRequest as `add_call`."""
        if not message.blocks and not message.calls:
            return
        turn = self.turn("assistant", message.place)
        turn.reasoning += message.reasoning
        turn.blocks += message.blocks
        turn.cache_point = message.cache_point or turn.cache_point
        for call_id, call in message.calls.items():
            _add(turn, call_id, call, place)

    def add_call(self, message: Turn, call_id: str, name: str, arguments: msgspec.Raw, place: str) -> None:
        """Add a tool call, with the client's id and name for it, to an assistant message.

        Raises:
            InvalidRequest: the turn already has a call with this id; `param` is `place`.
        """
        tool = self._names.to_bedrock(name)
        aliases = self._names.parameters.get(tool)
        arguments = translated(arguments, aliases) if aliases else arguments
        _add(message, call_id, ToolUseBlock(valid_id(call_id), tool, arguments), place)

    def add_result(self, call_id: str, result: Result, place: str) -> None:
        """Add a tool result to the user turn. Only the first result of a call is kept."""
        turn = self.turn("user", place)
        if call_id not in turn.results:
            turn.results[call_id] = result
            turn.result_places[call_id] = place

    def conversation(self, vocabulary: Vocabulary, *, tools_as_text: bool) -> Conversation:
        """Return the conversation in Converse's order. Raises InvalidRequest as `turns.check`."""
        turns.check(self.turns, self._family, vocabulary)
        return conversation(self._system, self.turns, self._family, tools_as_text=tools_as_text)


def _in_words(block: ContentBlock) -> ContentBlock:
    """Return a block for a place that takes no changes of tools: there they are a text."""
    if block.tool_addition is not None:
        return ContentBlock(text=tool_change(block.tool_addition.tool.name, adds=True))
    if block.tool_removal is not None:
        return ContentBlock(text=tool_change(block.tool_removal.tool.name, adds=False))
    return block


def _as_reminder(block: ContentBlock) -> ContentBlock:
    return block if block.text is None else ContentBlock(text=reminder(block.text))


def _add(turn: Turn, call_id: str, call: ToolUseBlock, place: str) -> None:
    if call_id in turn.calls:
        raise InvalidRequest.at(place, f"the id {call_id!r} is used twice")
    turn.calls[call_id] = call
