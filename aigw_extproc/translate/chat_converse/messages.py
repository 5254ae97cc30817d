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
from aigw_extproc.translate.chat_converse.content import image_block
from aigw_extproc.translate.chat_converse.tool_names import ToolNames, alias, valid_id

NO_OUTPUT = "(no output)"
"""What a tool that said nothing is made to say: Bedrock takes no blank text."""
SEPARATOR = "."
"""The shortest turn of the assistant's, where a family refuses other content beside tool results."""


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """The two places where Converse wants a history's parts."""

    system: list[SystemContentBlock]
    messages: list[Message]


@dataclass(slots=True)
class _Turn:
    """Consecutive messages of one role. `results` stand before `blocks`, `calls` behind; both by the client's ids."""

    role: str
    place: str
    blocks: list[ContentBlock] = field(default_factory=list)
    calls: dict[str, ToolUseBlock] = field(default_factory=dict)
    results: dict[str, ToolResultBlock] = field(default_factory=dict)
    result_places: dict[str, str] = field(default_factory=dict)


def translate_messages(
    messages: Sequence[chat.Message], *, names: ToolNames, family: Family, tools_as_text: bool = False
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
                system += [SystemContentBlock(text=text) for text in _texts(message.content)]
            case chat.UserMessage():
                _turn(turns, "user", place).blocks += _user_blocks(message, place)
            case chat.AssistantMessage():
                _add_assistant(turns, message, index, names)
            case chat.ToolMessage():
                _add_result(turns, message.tool_call_id, place, _result_block(message, place))
            case chat.FunctionMessage():
                _add_function_result(turns, message, place)
    if any(turn.calls or turn.results for turn in turns):
        _check_pairs(turns)
        _make_ids_unique(turns)
    _check_ends(turns, family)
    return Conversation(system=system, messages=list(_emit(turns, family, tools_as_text)))


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


def _texts(content: str | list[chat.TextPart]) -> Iterator[str]:
    texts = [content] if isinstance(content, str) else [part.text for part in content]
    return (text for text in texts if text.strip())


def _user_blocks(message: chat.UserMessage, place: str) -> list[ContentBlock]:
    if isinstance(message.content, str):
        parts: Sequence[chat.ContentPart] = [chat.TextPart(text=message.content)]
    else:
        parts = message.content
    blocks = [_block(part, f"{place}.content[{index}]") for index, part in enumerate(parts) if not _blank(part)]
    if not blocks:
        raise InvalidRequest(
            f"{place}.content: a user message needs text or another part, it is blank",
            param=f"{place}.content",
        )
    return blocks


def _blank(part: chat.ContentPart) -> bool:
    return isinstance(part, chat.TextPart) and not part.text.strip()


def _block(part: chat.ContentPart, place: str) -> ContentBlock:
    match part:
        case chat.TextPart():
            return ContentBlock(text=part.text)
        case chat.RefusalPart():
            return ContentBlock(text=part.refusal)
        case chat.ImagePart():
            return ContentBlock(image=image_block(part.image_url.url, place))


def _add_assistant(turns: list[_Turn], message: chat.AssistantMessage, index: int, names: ToolNames) -> None:
    """Adds a message of the assistant's; one that says nothing leaves no trace, and its neighbours become one turn."""
    place = f"messages[{index}]"
    blocks = [ContentBlock(text=text) for text in _assistant_texts(message) if text.strip()]
    calls = _calls(message, place, names, legacy_id=f"function_call_{index}")
    if not blocks and not calls:
        return
    turn = _turn(turns, "assistant", place)
    turn.blocks += blocks
    for call_id, block in calls:
        if call_id in turn.calls:
            raise InvalidRequest(f"{place}.tool_calls: the id {call_id!r} is used twice", param=f"{place}.tool_calls")
        turn.calls[call_id] = block


def _assistant_texts(message: chat.AssistantMessage) -> Iterator[str]:
    if isinstance(message.content, str):
        yield message.content
    for part in message.content if isinstance(message.content, list) else ():
        yield part.refusal if isinstance(part, chat.RefusalPart) else part.text
    if message.refusal is not None:
        yield message.refusal


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


def _result_block(message: chat.ToolMessage, place: str) -> ToolResultBlock:
    return _tool_result(message.tool_call_id, _result_content(message.content, place), is_error=message.is_error)


def _tool_result(call_id: str, content: list[ToolResultContentBlock], *, is_error: bool = False) -> ToolResultBlock:
    content = content or [ToolResultContentBlock(text=NO_OUTPUT)]
    return ToolResultBlock(tool_use_id=valid_id(call_id), content=content, status="error" if is_error else None)


def _result_content(
    content: str | list[chat.TextPart | chat.ImagePart] | None, place: str
) -> list[ToolResultContentBlock]:
    if content is None or isinstance(content, str):
        return [ToolResultContentBlock(text=content)] if content and content.strip() else []
    blocks = [_block(part, f"{place}.content[{index}]") for index, part in enumerate(content) if not _blank(part)]
    return [ToolResultContentBlock(text=block.text, image=block.image) for block in blocks]


def _add_result(turns: list[_Turn], call_id: str, place: str, block: ToolResultBlock) -> None:
    """Adds a result to the turn behind its call. The first result of a call counts."""
    turn = _turn(turns, "user", place)
    turn.results.setdefault(call_id, block)
    turn.result_places.setdefault(call_id, place)


def _add_function_result(turns: list[_Turn], message: chat.FunctionMessage, place: str) -> None:
    legacy = [call_id for turn in turns[-2:] for call_id in turn.calls if call_id.startswith("function_call_")]
    call_id = legacy[-1] if legacy else message.name
    _add_result(turns, call_id, place, _tool_result(call_id, _result_content(message.content, place)))


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
                following.results[call_id] = replace(following.results[call_id], tool_use_id=unique)


def _emit(turns: list[_Turn], family: Family, tools_as_text: bool) -> Iterator[Message]:
    for turn in turns:
        results = [ContentBlock(tool_result=result) for result in turn.results.values()]
        if tools_as_text:
            yield Message(role=turn.role, content=_without_tools(turn))
        elif results and turn.blocks and not family.text_beside_tool_results:
            yield Message(role="user", content=results)
            yield Message(role="assistant", content=[ContentBlock(text=SEPARATOR)])
            yield Message(role="user", content=turn.blocks)
        elif turn is turns[-1] and turn.role == "assistant":
            yield Message(role="assistant", content=_prefill(turn.blocks))
        else:
            calls = [ContentBlock(tool_use=call) for call in turn.calls.values()]
            yield Message(role=turn.role, content=[*results, *turn.blocks, *calls])


def _prefill(blocks: list[ContentBlock]) -> list[ContentBlock]:
    """Claude refuses a last turn that ends in white space."""
    return [*blocks[:-1], ContentBlock(text=(blocks[-1].text or "").rstrip())]


def _without_tools(turn: _Turn) -> list[ContentBlock]:
    results = [block for result in turn.results.values() for block in _result_as_text(result)]
    return [*results, *turn.blocks, *map(_call_as_text, turn.calls.values())]


def _call_as_text(call: ToolUseBlock) -> ContentBlock:
    return ContentBlock(text=f"[called tool {call.name} as {call.tool_use_id} with {bytes(call.input).decode()}]")


def _result_as_text(result: ToolResultBlock) -> Iterator[ContentBlock]:
    yield ContentBlock(text=f"[tool result of {result.tool_use_id}]")
    for content in result.content:
        yield ContentBlock(text=content.text, image=content.image)
