"""The history of a chat, in the form that Converse insists on.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
Clients send histories that Bedrock refuses for reasons that they cannot see: several messages of one role in a row,
blank text, tool results apart from their calls. Those are repaired here. What cannot be repaired without changing the
meaning is refused, with the path of the message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from aigw_extproc.bedrock.converse import (
    CachePoint,
    ContentBlock,
    Message,
    SystemContentBlock,
    ToolResultBlock,
    ToolResultContentBlock,
    ToolUseBlock,
)
from aigw_extproc.bedrock.families import Family
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.translate.chat_converse.content import ContentTranslator, kind_of
from aigw_extproc.translate.chat_converse.tool_names import ToolNames, alias, valid_id

NO_OUTPUT = "(no output)"
"""What a tool that said nothing is made to say: Bedrock takes no blank text."""
SEPARATOR = "."
"""The shortest turn of the assistant's, where a family refuses other content beside tool results."""
ATTACHED = "(attached below)"
"""What a tool result says of content that the family does not take inside it."""
BESIDE_DOCUMENTS = "See the attached document."
"""What a user who sent a document without a word is made to say: Bedrock wants text beside it."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """The two places where Converse wants a history's parts."""

    system: list[SystemContentBlock]
    messages: list[Message]
    unsigned_calls: bool
    """Whether the model is to go on from tool calls that come without the reasoning behind them."""


@dataclass(frozen=True, slots=True)
class _Result:
    block: ToolResultBlock
    cache_point: CachePoint | None = None
    beside: tuple[ContentBlock, ...] = ()
    """What the family does not take inside a tool result."""


@dataclass(slots=True)
class _Turn:
    """Consecutive messages of one role. A turn is told in the order of its fields, calls and results by client ids."""

    role: str
    place: str
    results: dict[str, _Result] = field(default_factory=dict)
    reasoning: list[ContentBlock] = field(default_factory=list)
    blocks: list[ContentBlock] = field(default_factory=list)
    calls: dict[str, ToolUseBlock] = field(default_factory=dict)
    result_places: dict[str, str] = field(default_factory=dict)


def translate_messages(
    messages: Sequence[chat.Message],
    *,
    names: ToolNames,
    family: Family,
    content: ContentTranslator,
    tools_as_text: bool = False,
) -> Conversation:
    """Orders and merges a history for Converse.

    `tools_as_text` writes tool calls and results as text: for a request that forbids tools, since Converse takes no
    tool blocks without a toolConfig.

    Raises:
        InvalidRequest: the history cannot be told to Bedrock; `param` is the message's or part's path.
    """
    system: list[SystemContentBlock] = []
    turns: list[_Turn] = []
    for index, message in enumerate(messages):
        place = f"messages[{index}]"
        match message:
            case chat.SystemMessage() | chat.DeveloperMessage():
                system += _system_blocks(message, content, place)
            case chat.UserMessage():
                _turn(turns, "user", place).blocks += _user_blocks(message, content, place)
            case chat.AssistantMessage():
                _add_assistant(turns, message, index, names, content)
            case chat.ToolMessage():
                _add_result(turns, message.tool_call_id, place, _result(message, content, family, place))
            case chat.FunctionMessage():
                _add_function_result(turns, message, place)
    if any(turn.calls or turn.results for turn in turns):
        _check_pairs(turns)
        _make_ids_unique(turns)
    _check_ends(turns, family)
    return Conversation(
        system=system,
        messages=list(_emit(turns, family, tools_as_text)),
        unsigned_calls=bool(turns[-1].results and not turns[-2].reasoning),
    )


def names_in_history(messages: Sequence[chat.Message]) -> list[str]:
    """The tools that the history calls, in order, once each."""
    names: dict[str, None] = {}
    for message in messages:
        if isinstance(message, chat.AssistantMessage):
            names |= dict.fromkeys(call.function.name for call in message.tool_calls or ())
            if message.function_call is not None:
                names[message.function_call.name] = None
    return list(names)


def parse_arguments(arguments: str | None, place: str, call_id: str) -> msgspec.Raw:
    """The JSON object that a call's arguments hold; nothing at all means no arguments.

    Raises:
        InvalidRequest: not JSON, or not an object.
    """
    if arguments is None or not arguments.strip():
        return msgspec.Raw(b"{}")
    try:
        value = _JSON.decode(arguments)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(
            f"{place}: the arguments of tool call {call_id!r} are not valid JSON: {error}", param=place
        ) from None
    if value is None:
        return msgspec.Raw(b"{}")
    if not isinstance(value, dict):
        raise InvalidRequest(
            f"{place}: the arguments of tool call {call_id!r} have to be a JSON object, got {arguments[:60]!r}",
            param=place,
        )
    return msgspec.Raw(arguments.encode())


_JSON = msgspec.json.Decoder()


def _turn(turns: list[_Turn], role: str, place: str) -> _Turn:
    """The turn that a message of `role` belongs to: the last one, or a new one."""
    if not turns or turns[-1].role != role:
        turns.append(_Turn(role, place))
    return turns[-1]


def _system_blocks(
    message: chat.SystemMessage | chat.DeveloperMessage, content: ContentTranslator, place: str
) -> Iterator[SystemContentBlock]:
    if isinstance(message.content, str):
        if message.content.strip():
            yield SystemContentBlock(text=message.content)
        return
    for index, part in enumerate(message.content):
        for block in content.blocks(part, f"{place}.content[{index}]", where="system"):
            yield SystemContentBlock(text=block.text, cache_point=block.cache_point)


def _user_blocks(message: chat.UserMessage, content: ContentTranslator, place: str) -> list[ContentBlock]:
    blocks = _blocks(message.content, content, place)
    if not blocks:
        raise InvalidRequest(
            f"{place}.content: a user message needs text or another part, it is blank", param=f"{place}.content"
        )
    return blocks


def _blocks(
    parts: str | Sequence[chat.ContentPart] | None, content: ContentTranslator, place: str
) -> list[ContentBlock]:
    if parts is None or isinstance(parts, str):
        return [ContentBlock(text=parts)] if parts and parts.strip() else []
    return [block for index, part in enumerate(parts) for block in content.blocks(part, f"{place}.content[{index}]")]


def _add_assistant(
    turns: list[_Turn], message: chat.AssistantMessage, index: int, names: ToolNames, content: ContentTranslator
) -> None:
    """Adds a message of the assistant's; one that says nothing leaves no trace, and its neighbours become one turn."""
    place = f"messages[{index}]"
    blocks = _blocks(message.content, content, place)
    if message.refusal and message.refusal.strip():
        blocks.append(ContentBlock(text=message.refusal))
    reasoning = [content.reasoning(block) for block in message.thinking_blocks or ()]
    calls = _calls(message, place, names, legacy_id=f"function_call_{index}")
    if not calls and all(block.reasoning_content for block in blocks):
        return
    turn = _turn(turns, "assistant", place)
    turn.reasoning += [block for block in reasoning if block] or [block for block in blocks if block.reasoning_content]
    turn.blocks += [block for block in blocks if not block.reasoning_content]
    for call_id, block in calls:
        if call_id in turn.calls:
            raise InvalidRequest(f"{place}.tool_calls: the id {call_id!r} is used twice", param=f"{place}.tool_calls")
        turn.calls[call_id] = block


def _calls(
    message: chat.AssistantMessage, place: str, names: ToolNames, legacy_id: str
) -> list[tuple[str, ToolUseBlock]]:
    """Tool calls by the client's ids; the one call of the days before tools gets an id of ours."""
    calls = [
        (call.id, call.function, f"{place}.tool_calls[{position}].function.arguments")
        for position, call in enumerate(message.tool_calls or ())
    ]
    if message.function_call is not None:
        calls.append((legacy_id, message.function_call, f"{place}.function_call.arguments"))
    return [(call_id, _tool_use(call_id, function, where, names)) for call_id, function, where in calls]


def _tool_use(call_id: str, function: chat.FunctionCall, place: str, names: ToolNames) -> ToolUseBlock:
    arguments = parse_arguments(function.arguments, place, call_id)
    return ToolUseBlock(tool_use_id=valid_id(call_id), name=names.to_bedrock(function.name), input=arguments)


def _result(message: chat.ToolMessage, content: ContentTranslator, family: Family, place: str) -> _Result:
    """A tool's message; marks inside it count for the whole, since cache points stand between blocks only."""
    parts = message.content if isinstance(message.content, list) else []
    marks = [mark for part in parts if (mark := part.cache_control or part.cache_point)]
    mark = message.cache_control or message.cache_point or (marks[-1] if marks else None)
    blocks = [block for block in _blocks(message.content, content, place) if not block.cache_point]
    beside = tuple(block for block in blocks if kind_of(block) not in ("text", *family.inside_tool_results))
    told = [
        ToolResultContentBlock(text=block.text, image=block.image, document=block.document, video=block.video)
        for block in blocks
        if block not in beside
    ]
    if beside:
        told.append(ToolResultContentBlock(text=ATTACHED))
    result = _tool_result(message.tool_call_id, told, is_error=message.is_error)
    return _Result(result, content.cache_point(mark, where="results"), beside)


def _tool_result(call_id: str, content: list[ToolResultContentBlock], *, is_error: bool = False) -> ToolResultBlock:
    content = content or [ToolResultContentBlock(text=NO_OUTPUT)]
    return ToolResultBlock(tool_use_id=valid_id(call_id), content=content, status="error" if is_error else None)


def _add_result(turns: list[_Turn], call_id: str, place: str, result: _Result) -> None:
    """Adds a result to the turn behind its call. The first result of a call counts."""
    turn = _turn(turns, "user", place)
    turn.results.setdefault(call_id, result)
    turn.result_places.setdefault(call_id, place)


def _add_function_result(turns: list[_Turn], message: chat.FunctionMessage, place: str) -> None:
    legacy = [call_id for turn in turns[-2:] for call_id in turn.calls if call_id.startswith("function_call_")]
    call_id = legacy[-1] if legacy else message.name
    told = [ToolResultContentBlock(text=message.content)] if message.content and message.content.strip() else []
    _add_result(turns, call_id, place, _Result(_tool_result(call_id, told)))


def _check_pairs(turns: list[_Turn]) -> None:
    """Every call has a result in the next turn, and every result a call in the turn before.

    https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html
    """
    previous = _Turn("user", "messages")
    for turn in [*turns, _Turn("user", "messages")]:
        for call_id in previous.calls:
            if call_id not in turn.results:
                raise InvalidRequest(
                    f"{previous.place}: tool call {call_id!r} has no result: a tool message with this tool_call_id "
                    "has to follow it",
                    param=previous.place,
                )
        for call_id, place in turn.result_places.items():
            if call_id not in previous.calls:
                raise InvalidRequest(
                    f"{place}.tool_call_id: no tool call {call_id!r} in the assistant message before it",
                    param=f"{place}.tool_call_id",
                )
        previous = turn


def _check_ends(turns: list[_Turn], family: Family) -> None:
    if not turns:
        raise InvalidRequest("messages: at least one user message is needed", param="messages")
    if turns[0].role != "user":
        raise InvalidRequest(
            f"{turns[0].place}: the conversation has to begin with a user message, not the assistant's",
            param=turns[0].place,
        )
    if turns[-1].role == "assistant" and not family.prefill:
        raise InvalidRequest(
            f"{turns[-1].place}: this model does not go on from an assistant message; the last has to be the user's",
            param=turns[-1].place,
        )


def _make_ids_unique(turns: list[_Turn]) -> None:
    """Some clients count their calls anew in every turn; Claude refuses an id that the history has used before."""
    uses: Counter[str] = Counter()
    for turn, following in pairwise([*turns, _Turn("user", "messages")]):
        for call_id, call in turn.calls.items():
            uses[call_id] += 1
            if uses[call_id] > 1:
                unique = alias(call_id, salt=f"{uses[call_id]}:")
                turn.calls[call_id] = replace(call, tool_use_id=unique)
                result = following.results[call_id]
                block = replace(result.block, tool_use_id=unique)
                following.results[call_id] = _Result(block, result.cache_point, result.beside)


def _emit(turns: list[_Turn], family: Family, tools_as_text: bool) -> Iterator[Message]:
    for turn in turns:
        results = list(_result_blocks(turn))
        if tools_as_text:
            yield Message(role=turn.role, content=_without_tools(turn))
        elif turn.role == "user":
            beside = [block for result in turn.results.values() for block in result.beside]
            yield from _emit_user(results, _with_words([*beside, *turn.blocks]), family)
        elif turn is turns[-1]:
            yield Message(role="assistant", content=_prefill(turn.blocks))
        else:
            calls = [ContentBlock(tool_use=call) for call in turn.calls.values()]
            yield Message(role="assistant", content=[*turn.reasoning, *turn.blocks, *calls])


def _emit_user(results: list[ContentBlock], blocks: list[ContentBlock], family: Family) -> Iterator[Message]:
    if results and any(kind_of(block) not in (None, *family.beside_tool_results) for block in blocks):
        yield Message(role="user", content=results)
        yield Message(role="assistant", content=[ContentBlock(text=SEPARATOR)])
        yield Message(role="user", content=blocks)
    else:
        yield Message(role="user", content=[*results, *blocks])


def _result_blocks(turn: _Turn) -> Iterator[ContentBlock]:
    for result in turn.results.values():
        yield ContentBlock(tool_result=result.block)
        if result.cache_point:
            yield ContentBlock(cache_point=result.cache_point)


def _with_words(blocks: list[ContentBlock]) -> list[ContentBlock]:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html: text comes with it."""
    if any(block.document for block in blocks) and not any(block.text for block in blocks):
        return [ContentBlock(text=BESIDE_DOCUMENTS), *blocks]
    return blocks


def _prefill(blocks: list[ContentBlock]) -> list[ContentBlock]:
    """Claude refuses a last turn that ends in white space."""
    return [*blocks[:-1], ContentBlock(text=blocks[-1].text.rstrip())] if blocks[-1].text else blocks


def _without_tools(turn: _Turn) -> list[ContentBlock]:
    results = [block for result in turn.results.values() for block in _result_as_text(result.block)]
    return [*results, *turn.reasoning, *turn.blocks, *map(_call_as_text, turn.calls.values())]


def _call_as_text(call: ToolUseBlock) -> ContentBlock:
    return ContentBlock(text=f"[called tool {call.name} as {call.tool_use_id} with {bytes(call.input).decode()}]")


def _result_as_text(result: ToolResultBlock) -> Iterator[ContentBlock]:
    yield ContentBlock(text=f"[tool result of {result.tool_use_id}]")
    for content in result.content:
        yield ContentBlock(text=content.text, image=content.image, document=content.document, video=content.video)
