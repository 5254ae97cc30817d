"""Turns of a conversation as Converse requires them: user and assistant alternate, results follow their calls.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from aigw_extproc.bedrock.converse import CachePoint, ContentBlock, Message, ToolResultBlock, ToolUseBlock
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.translate.converse.blocks import kind_of
from aigw_extproc.translate.converse.tool_names import alias

SEPARATOR = "."
"""The text of a turn that separates what a family does not take in one."""
BESIDE_DOCUMENTS = "See the attached document."
"""The text beside a document that comes without any: Bedrock requires it."""


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """The names of tool calls and results in a client's API, for errors."""

    call: str
    result: str
    """How a call gets its result."""
    result_id: str
    """The field by which a result names its call."""


class Result(msgspec.Struct, frozen=True, gc=False):
    """The result of a tool call."""

    block: ToolResultBlock
    cache_point: CachePoint | None = None
    beside: tuple[ContentBlock, ...] = ()
    """Content that the family does not take inside a tool result."""


class Turn(msgspec.Struct, gc=False):
    """Consecutive messages of one role, written in the order of these fields. Calls and results by the client's ids."""

    role: str
    place: str
    """Of its first message, in the request."""
    results: dict[str, Result] = {}  # msgspec copies mutable defaults
    reasoning: list[ContentBlock] = []  # as above
    blocks: list[ContentBlock] = []  # as above
    calls: dict[str, ToolUseBlock] = {}  # as above
    cache_point: CachePoint | None = None
    """After the calls."""
    starts: list[int] = []  # as above
    """Where the blocks of each message begin."""
    result_places: dict[str, str] = {}  # as above


def check(turns: list[Turn], family: Family, vocabulary: Vocabulary) -> None:
    """Refuse a history that cannot be repaired without changing its meaning.

    Raises:
        InvalidRequest: a call without a result, a result without a call, a conversation that begins or ends wrongly.
    """
    if any(turn.calls or turn.results for turn in turns):
        _check_pairs(turns, vocabulary)
    if not turns:
        raise InvalidRequest.at("messages", "at least one user message is needed")
    first, last = turns[0], turns[-1]
    if first.role != "user":
        raise InvalidRequest.at(first.place, "the conversation has to begin with a user message, not the assistant's")
    if last.role == "assistant" and not family.prefill:
        raise InvalidRequest.at(
            last.place, "this model does not go on from an assistant message; the last has to be the user's"
        )


def messages(turns: list[Turn], family: Family, *, tools_as_text: bool) -> list[Message]:
    """Return Converse's messages for turns that have passed `check`."""
    _make_ids_unique(turns)
    if turns[-1].role == "assistant":
        turns[-1].blocks = _prefill(turns[-1].blocks)
    messages: list[Message] = []
    for turn in turns:
        if turn.role == "user":
            if messages and messages[-1].role == "system":  # which has to come before the assistant's
                messages.append(_separator("assistant"))
            messages += [_as_text(turn)] if tools_as_text else _user(turn, family)
        elif tools_as_text or turn.role == "system":
            messages.append(_as_text(turn))
        else:
            messages += _assistant(turn, family, last=turn is turns[-1])
    return messages


def _check_pairs(turns: list[Turn], vocabulary: Vocabulary) -> None:
    """Require a result in the next turn for every call, and a call in the turn before for every result."""
    previous = _NO_TURN
    for turn in [*turns, _NO_TURN]:
        for call_id in previous.calls:
            if call_id not in turn.results:
                raise InvalidRequest.at(
                    previous.place, f"{vocabulary.call} {call_id!r} has no result: {vocabulary.result}"
                )
        for call_id, place in turn.result_places.items():
            if call_id not in previous.calls:
                raise InvalidRequest.at(
                    f"{place}.{vocabulary.result_id}",
                    f"no {vocabulary.call} {call_id!r} in the assistant message before it",
                )
        previous = turn


_NO_TURN = Turn("user", "messages")


def _make_ids_unique(turns: list[Turn]) -> None:
    """Rename repeated ids: some clients number their calls per turn, and Claude requires ids to be unique."""
    uses: dict[str, int] = {}
    for turn, following in pairwise(turns):
        for call_id in turn.calls:
            uses[call_id] = uses.get(call_id, 0) + 1
            if uses[call_id] > 1:
                _rename(turn, following, call_id, alias(call_id, salt=f"{uses[call_id]}:"))


def _rename(turn: Turn, following: Turn, call_id: str, unique: str) -> None:
    turn.calls[call_id] = replace(turn.calls[call_id], tool_use_id=unique)
    result = following.results[call_id]
    following.results[call_id] = replace(result, block=replace(result.block, tool_use_id=unique))


def _assistant(turn: Turn, family: Family, *, last: bool) -> list[Message]:
    if last or not (turn.reasoning or turn.calls):
        return [Message(role="assistant", content=turn.blocks)]
    calls = [ContentBlock(tool_use=call) for call in turn.calls.values()]
    if turn.cache_point:
        calls.append(ContentBlock(cache_point=turn.cache_point))
    if turn.blocks and calls and not family.text_beside_tool_uses:
        return [Message(role="assistant", content=turn.blocks), _separator("user"), Message("assistant", calls)]
    return [Message(role="assistant", content=[*turn.reasoning, *turn.blocks, *calls])]


def _separator(role: str) -> Message:
    return Message(role=role, content=[ContentBlock(text=SEPARATOR)])


def _prefill(blocks: list[ContentBlock]) -> list[ContentBlock]:
    """Strip the end of the last turn: Claude refuses white space there."""
    last = max(index for index, block in enumerate(blocks) if block.text)
    text = (blocks[last].text or "").rstrip()
    return [*blocks[:last], ContentBlock(text=text), *blocks[last + 1 :]]


def _user(turn: Turn, family: Family) -> list[Message]:
    results = list(_results(turn))
    if not results:
        return [Message(role="user", content=turn.blocks)]
    first = _beside(turn)
    if not first and not turn.blocks:
        return [Message(role="user", content=results)]
    beside = [*first, *turn.blocks]
    length = _length_beside_results(turn, first, family)
    messages = [Message(role="user", content=[*results, *beside[:length]])]
    if length < len(beside):
        messages += [_separator("assistant"), Message(role="user", content=beside[length:])]
    return messages


def is_split(turn: Turn, family: Family) -> bool:
    """Return whether something follows tool results that the model takes only in a message of its own."""
    if not turn.results:
        return False
    beside = _beside(turn)
    if not beside and not turn.blocks:
        return False  # as in most turns of a tool loop
    return _length_beside_results(turn, beside, family) < len(beside) + len(turn.blocks)


def _beside(turn: Turn) -> list[ContentBlock]:
    """Return the content that the family does not take inside the turn's tool results."""
    return with_text([block for result in turn.results.values() for block in result.beside])


def _length_beside_results(turn: Turn, beside: list[ContentBlock], family: Family) -> int:
    """Return how many blocks may follow the results: those of the messages before the first that may not.

    `beside` are the blocks that do not go inside the results; the turn's own follow them.
    """
    allowed = (None, *family.beside_tool_results)
    blocks, offset = [*beside, *turn.blocks], len(beside)
    starts = [0, *(offset + start for start in turn.starts), len(blocks)]
    for start, end in pairwise(starts):
        if any(kind_of(block) not in allowed for block in blocks[start:end]):
            return start
    return len(blocks)


def _results(turn: Turn) -> Iterator[ContentBlock]:
    for result in turn.results.values():
        yield ContentBlock(tool_result=result.block)
        if result.cache_point:
            yield ContentBlock(cache_point=result.cache_point)


def with_text(blocks: list[ContentBlock]) -> list[ContentBlock]:
    """Return the blocks of a message, with text if it has documents only.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
    """
    has_document = False
    for block in blocks:  # no generator: this is done for every message of long histories
        if block.text is not None:
            return blocks
        has_document = has_document or block.document is not None
    return [ContentBlock(text=BESIDE_DOCUMENTS), *blocks] if has_document else blocks


def _as_text(turn: Turn) -> Message:
    """Return the turn with its tool calls and results as text."""
    results = [block for result in turn.results.values() for block in _result_as_text(result)]
    calls = map(_call_as_text, turn.calls.values())
    return Message(role=turn.role, content=[*results, *turn.reasoning, *turn.blocks, *calls])


def _call_as_text(call: ToolUseBlock) -> ContentBlock:
    return ContentBlock(text=f"[called tool {call.name} as {call.tool_use_id} with {bytes(call.input).decode()}]")


def _result_as_text(result: Result) -> Iterator[ContentBlock]:
    yield ContentBlock(text=f"[tool result of {result.block.tool_use_id}]")
    for content in result.block.content:
        yield ContentBlock(
            text=content.text,
            image=content.image,
            document=content.document,
            video=content.video,
            search_result=content.search_result,
        )
    yield from result.beside
