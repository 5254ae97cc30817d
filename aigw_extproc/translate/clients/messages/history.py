"""Messages → turns.

https://docs.anthropic.com/en/api/messages
What cannot be repaired without a change of meaning is refused, with the path of the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from aigw_extproc.anthropic import messages
from aigw_extproc.bedrock.converse import ContentBlock
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.clients.messages.content import ContentTranslator, as_blocks, with_mark
from aigw_extproc.translate.converse.conversation import Conversation
from aigw_extproc.translate.converse.history import History
from aigw_extproc.translate.converse.results import result_of
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.converse.turns import Result, Turn, Vocabulary
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
    """Translate the system prompt, then the messages; system messages are added to the system prompt.

    Raises:
        InvalidRequest: Bedrock does not support the history; `param` is the path of the message or block.
    """
    translator = _MessageTranslator(names, family, content)
    translator.history.add_system(content.text(request.system or (), "system"), "system")
    for index, message in enumerate(request.messages):
        translator.add(message, f"messages[{index}]")
    return translator.history.conversation(VOCABULARY, tools_as_text=tools_as_text)


def names_in_history(history: Sequence[messages.Message]) -> list[str]:
    """Return the names of the tools that the messages call, in order, once each."""
    assistants = [message for message in history if isinstance(message, messages.AssistantMessage)]
    blocks = [block for message in assistants if not isinstance(message.content, str) for block in message.content]
    return list(dict.fromkeys(block.name for block in blocks if isinstance(block, messages.ToolUseBlock)))


class _MessageTranslator:
    """Translates the messages of one request."""

    def __init__(self, names: ToolNames, family: Family, content: ContentTranslator) -> None:
        self.history = History(names, family)
        self._names = names
        self._family = family
        self._content = content

    def add(self, message: messages.Message, place: str) -> None:
        match message:
            case messages.UserMessage():
                self._add_user(message, place)
            case messages.AssistantMessage():
                self._add_assistant(message, place)
            case messages.SystemMessage():
                self._add_system(message, place)
            case _:
                assert_never(message)

    def _add_system(self, message: messages.SystemMessage, place: str) -> None:
        where = self.history.system_place
        given_blocks = as_blocks(message.content) if isinstance(message.content, str) else message.content
        content = with_mark(given_blocks, message.cache_control)
        blocks = list(self._content.instructions(content, self._names, where, place))
        if given(message.output_config) is not None:
            self._content.dropped.append("messages.output_config")
        self.history.add_system(blocks, place)

    def _add_user(self, message: messages.UserMessage, place: str) -> None:
        content: list[ContentBlock] = []
        blocks = as_blocks(message.content) if isinstance(message.content, str) else message.content
        for index, block in enumerate(with_mark(blocks, message.cache_control)):
            where = f"{place}.content[{index}]"
            if isinstance(block, messages.ToolResultBlock):
                self.history.add_result(block.tool_use_id, self._result(block, where), where)
            else:
                content += self._content.media(block, where)
        if not content and not any(isinstance(block, messages.ToolResultBlock) for block in blocks):
            raise InvalidRequest.at(f"{place}.content", "a user message needs text or another block, but it is blank")
        self.history.add_user(content, place)

    def _add_assistant(self, message: messages.AssistantMessage, place: str) -> None:
        turn = Turn("assistant", place)
        blocks = as_blocks(message.content) if isinstance(message.content, str) else message.content
        for index, block in enumerate(with_mark(blocks, message.cache_control)):
            self._add_block(turn, block, f"{place}.content[{index}]")
        self.history.add_assistant(turn, place)

    def _add_block(self, turn: Turn, block: messages.AssistantBlock, place: str) -> None:
        match block:
            case messages.TextBlock() | messages.ServerBlock():
                turn.blocks += self._content.media(block, place)
            case messages.ToolUseBlock():
                self.history.add_call(turn, block.id, block.name, _input(block, place), place)
                turn.cache_point = self._content.cache.point(block.cache_control) or turn.cache_point
            case messages.ThinkingBlock() | messages.RedactedThinkingBlock():
                reasoning = self._content.reasoning(block)
                turn.reasoning += [reasoning] if reasoning else []
            case messages.ImageBlock():
                self._content.dropped.append("messages.image")  # Bedrock takes images from users only
            case _:
                assert_never(block)

    def _result(self, block: messages.ToolResultBlock, place: str) -> Result:
        parts = block.content if isinstance(block.content, list) else as_blocks(block.content or "")
        # A cache mark inside a result applies to the whole result: cache points stand between blocks only.
        marks = [part.cache_control for part in parts if part.cache_control]
        point = self._content.cache.point(block.cache_control or (marks[-1] if marks else None), "results")
        blocks = [self._content.unmarked(part, f"{place}.content[{index}]") for index, part in enumerate(parts)]
        content = [translated for translated in blocks if translated]
        return result_of(block.tool_use_id, content, self._family, is_error=bool(block.is_error), cache_point=point)


def _input(block: messages.ToolUseBlock, place: str) -> msgspec.Raw:
    value = given(block.input) or _NO_INPUT
    if not bytes(value).startswith(b"{"):
        raise InvalidRequest.at(f"{place}.input", "has to be a JSON object")
    return value
