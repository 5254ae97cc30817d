"""Responses request → Converse request, by way of a chat: the API is chat completions in other words.

https://platform.openai.com/docs/guides/migrate-to-responses
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec

from aigw_extproc.bedrock.families import Family
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat, responses
from aigw_extproc.translate.clients.responses.answer import ResponsesAnswer
from aigw_extproc.translate.clients.responses.echo import echo
from aigw_extproc.translate.clients.responses.messages import Retold
from aigw_extproc.translate.clients.responses.tools import offered, tool_choice
from aigw_extproc.translate.clients.responses.words import Words
from aigw_extproc.translate.contract import Fetched, Translate, UpstreamRequest
from aigw_extproc.translate.converse.tool_names import ToolNames
from aigw_extproc.wire import given

_NOTHING_FETCHED: Mapping[str, Fetched] = {}
_SCHEMA = Schema(name="AWSBedrock")
_ENCRYPTED = "reasoning.encrypted_content"
"""What `include` can ask for: it is given out anyway, since nothing is kept."""
_WITHOUT_EFFECT = frozenset({"stream_options"})


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
        told, tools = Retold(request), offered(request)
        words = Words(told, list(tools))
        asked = _chat(request, told.messages, list(tools.values()))
        try:
            upstream = translate(asked, model=model, family=family, schema=schema, fetched=fetched)
        except InvalidRequest as error:
            param = None if error.param is None else words.of(error.param)
            raise InvalidRequest(words.of(error.reason), param=param) from None
        dropped = [*map(words.of, upstream.dropped), *_without_counterpart(request)]
        return msgspec.structs.replace(
            upstream, dropped=tuple(dict.fromkeys(dropped)), answer=_answer(request, upstream.answer)
        )

    return translate_request


def _answer(request: responses.ResponsesRequest, back: Any) -> ResponsesAnswer:
    known: _ChatAnswer = back
    return ResponsesAnswer(
        echo=echo(request), names=known.names, answer_tool=known.answer_tool, in_one_piece=known.in_one_piece
    )


def _chat(
    request: responses.ResponsesRequest, messages: list[chat.Message], tools: list[chat.Tool]
) -> chat.ChatRequest:
    return chat.ChatRequest(
        model=request.model,
        messages=messages,
        max_completion_tokens=request.max_output_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        tools=tools or None,
        tool_choice=tool_choice(request.tool_choice),
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


def _response_format(wanted: responses.Format) -> chat.ResponseFormat:
    if wanted.type != "json_schema":
        return chat.ResponseFormat(type=wanted.type)
    if given(wanted.schema) is None:
        raise InvalidRequest.at("text.format.schema", "a json_schema format needs its schema")
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
