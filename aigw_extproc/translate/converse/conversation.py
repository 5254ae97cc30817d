"""A history as the two parts of a Converse request: system and messages."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from aigw_extproc.bedrock.converse import ContentBlock, Message, SystemContentBlock
from aigw_extproc.bedrock.families import Family
from aigw_extproc.translate.converse import turns
from aigw_extproc.translate.converse.turns import Turn


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """The prompt, but for tools."""

    system: list[SystemContentBlock]
    messages: list[Message]
    has_reasoning: bool
    unsigned_calls: bool
    """Whether the model continues from tool calls that come without the reasoning that led to them."""


def conversation(
    system: list[SystemContentBlock], history: list[Turn], family: Family, *, tools_as_text: bool
) -> Conversation:
    """Return the conversation of turns that have passed `turns.check`."""
    return Conversation(
        system=system,
        messages=turns.messages(history, family, tools_as_text=tools_as_text),
        has_reasoning=any(turn.reasoning for turn in history),
        unsigned_calls=family.reasoning_history == "signed" and _begins_unsigned(history, family),
    )


def _begins_unsigned(history: list[Turn], family: Family) -> bool:
    """Return whether the calls that are being answered began without reasoning. A tool loop counts as one turn.

    https://platform.claude.com/docs/en/build-with-claude/extended-thinking, "Toggling thinking modes in conversations"
    """
    first = None
    history = [turn for turn in history if turn.role != "system"]
    for turn in reversed(history if history[-1].results else ()):
        if turn.role == "assistant":
            first = turn
        elif not turn.results or turns.is_split(turn, family):
            break
    return first is not None and not first.reasoning


def with_system(conversation: Conversation, instruction: str | None, family: Family) -> Conversation:
    """Return the conversation with one more instruction, in the place where the family takes instructions."""
    system = conversation.system if instruction is None else [*conversation.system, SystemContentBlock(instruction)]
    if family.system or not system:
        return replace(conversation, system=system)
    first, *rest = conversation.messages
    instructions = [ContentBlock(text=block.text) for block in system if block.text]
    return replace(conversation, system=[], messages=[Message(first.role, [*instructions, *first.content]), *rest])


def forbids_reasoning(conversation: Conversation, family: Family) -> bool:
    """Return whether the model cannot begin to reason here: Claude requires the reasoning before a tool call."""
    return conversation.unsigned_calls
