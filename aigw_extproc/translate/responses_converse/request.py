"""Responses request → Converse request, by way of a chat: the API is chat completions in other words.

https://platform.openai.com/docs/guides/migrate-to-responses
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from aigw_extproc.bedrock.families import Family
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat, responses
from aigw_extproc.translate.contract import Fetched, Translate, UpstreamRequest
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.translate.responses_converse.answer import ResponsesAnswer
from aigw_extproc.translate.responses_converse.echo import echo
from aigw_extproc.translate.responses_converse.messages import Retold

_NOTHING_FETCHED: Mapping[str, Fetched] = {}
_SCHEMA = Schema(name="AWSBedrock")
_ENCRYPTED = "reasoning.encrypted_content"
"""What `include` can ask for: it is given out anyway, since nothing is kept."""
_WITHOUT_EFFECT = frozenset({"stream_options"})

# A chat's paths and words in those of Responses, tried in this order.
_WORDS = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"response_format\.json_schema", "text.format"),
        (r"\bresponse_format\b", "text.format"),
        (r"\bmax_(completion_)?tokens\b", "max_output_tokens"),
        (r"\breasoning_effort\b", "reasoning.effort"),
        (r"\btools\[(\d+)\]\.function\b", r"tools[\1]"),
        (r"\btool_choice\.function\b", "tool_choice"),
        (r"\.tool_calls\[\d+\]\.function\b", ""),
        (r"\.tool_calls\b", ".call_id"),
        (r"\.file\.file_data\b", ".file_data"),
        (r"\btool_call_id\b", "call_id"),
        (r"a tool message with this call_id", "a function_call_output with this call_id"),
        (r"^messages\b(?!\[)", "input"),
    )
)
_MESSAGE = re.compile(r"\bmessages\[(\d+)\](\.content\b)?")


class _ChatAnswer(Protocol):
    """What a chat's way back knows of the way there."""

    @property
    def names(self) -> ToolNames: ...
    @property
    def answer_tool(self) -> str | None: ...
    @property
    def in_one_piece(self) -> bool: ...


def over_chat(translate: Translate) -> Translate:
    """The same translation, from chat completions to Converse, for Responses.

    It raises what `translate` does, with the paths of the client's own request.
    """

    def translate_request(
        request: responses.ResponsesRequest,
        *,
        model: str,
        family: Family,
        schema: Schema = _SCHEMA,
        fetched: Mapping[str, Fetched] = _NOTHING_FETCHED,
    ) -> UpstreamRequest:
        told = Retold(request)
        asked = _chat(request, told.messages)
        try:
            upstream = translate(asked, model=model, family=family, schema=schema, fetched=fetched)
        except InvalidRequest as error:
            param = None if error.param is None else _in_own_words(error.param, told)
            raise InvalidRequest(_in_own_words(error.message, told), param=param) from None
        dropped = [*(_in_own_words(name, told) for name in upstream.dropped), *_without_counterpart(request)]
        return msgspec.structs.replace(
            upstream, dropped=tuple(dict.fromkeys(dropped)), answer=_answer(request, upstream.answer)
        )

    return translate_request


def _answer(request: responses.ResponsesRequest, back: Any) -> ResponsesAnswer:
    known: _ChatAnswer = back
    return ResponsesAnswer(
        echo=echo(request), names=known.names, answer_tool=known.answer_tool, in_one_piece=known.in_one_piece
    )


def _in_own_words(text: str, told: Retold) -> str:
    for pattern, word in _WORDS:
        text = pattern.sub(word, text)
    return _MESSAGE.sub(lambda match: _place(told, int(match[1]), match[2] or ""), text)


def _place(told: Retold, index: int, content: str) -> str:
    place = told.places[index]
    if not place.endswith("]"):  # the text itself
        return place
    return place + (".output" if content and isinstance(told.messages[index], chat.ToolMessage) else content)


def _chat(request: responses.ResponsesRequest, messages: list[chat.Message]) -> chat.ChatRequest:
    return chat.ChatRequest(
        model=request.model,
        messages=messages,
        max_completion_tokens=request.max_output_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        tools=_tools(request) or None,
        tool_choice=_tool_choice(request.tool_choice),
        parallel_tool_calls=request.parallel_tool_calls,
        reasoning_effort=request.reasoning.effort if request.reasoning else None,
        response_format=_response_format(request.text.format) if request.text and request.text.format else None,
        service_tier=request.service_tier,
        metadata=request.metadata,
        user=request.user,
        safety_identifier=request.safety_identifier,
        stream=request.stream,
        aws=request.aws,
    )


def _tools(request: responses.ResponsesRequest) -> list[chat.Tool]:
    """All that are offered, or those of them that `tool_choice` allows."""
    allowed = _allowed(request.tool_choice)
    offered: Sequence[responses.FunctionTool] = request.tools or ()
    return [_tool(tool) for tool in offered if allowed is None or tool.name in allowed]


def _tool(tool: responses.FunctionTool) -> chat.Tool:
    function = chat.FunctionDefinition(
        name=tool.name or "", description=tool.description, parameters=tool.parameters, strict=tool.strict
    )
    return chat.Tool(type=tool.type, function=function)


def _allowed(choice: str | responses.NamedToolChoice | None) -> set[str | None] | None:
    if isinstance(choice, responses.NamedToolChoice) and choice.type == "allowed_tools":
        return {tool.name for tool in choice.tools}
    return None


def _tool_choice(choice: str | responses.NamedToolChoice | None) -> str | chat.NamedToolChoice | None:
    if choice is None or isinstance(choice, str):
        return choice
    if choice.type == "allowed_tools":
        return choice.mode
    return chat.NamedToolChoice(type=choice.type, function=chat.NamedFunction(name=choice.name or ""))


def _response_format(wanted: responses.Format) -> chat.ResponseFormat:
    if wanted.type != "json_schema":
        return chat.ResponseFormat(type=wanted.type)
    schema = chat.JsonSchema(
        name=wanted.name or "answer", schema=wanted.schema, description=wanted.description, strict=wanted.strict
    )
    return chat.ResponseFormat(type="json_schema", json_schema=schema)


def _without_counterpart(request: responses.ResponsesRequest) -> Iterator[str]:
    """What Bedrock has no word for, unless it is null or asks for what happens anyway."""
    if request.text and request.text.verbosity not in {None, "medium"}:
        yield "text.verbosity"
    if request.truncation not in {None, "disabled"}:
        yield "truncation"
    if any(name != _ENCRYPTED for name in request.include or ()):
        yield "include"
    for name, value in request.others.items():
        if name not in _WITHOUT_EFFECT and bytes(value) != b"null":
            yield name
