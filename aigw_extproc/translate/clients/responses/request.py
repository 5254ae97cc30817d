"""Responses request → Converse request, by way of a chat completion request.

https://platform.openai.com/docs/guides/migrate-to-responses
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat, responses
from aigw_extproc.translate.clients.chat import to_converse as chat_to_converse
from aigw_extproc.translate.clients.responses.echo import echo
from aigw_extproc.translate.clients.responses.field_paths import FieldPaths
from aigw_extproc.translate.clients.responses.history import history
from aigw_extproc.translate.clients.responses.messages import ChatMessages
from aigw_extproc.translate.clients.responses.stream import ResponsesWriter
from aigw_extproc.translate.clients.responses.tools import Tools
from aigw_extproc.translate.contract import Target
from aigw_extproc.translate.converse.conversed import Conversed
from aigw_extproc.translate.converse.turns import Vocabulary
from aigw_extproc.translate.openai.parameters import unsupported
from aigw_extproc.wire import given

VOCABULARY = Vocabulary(
    call="tool call", result="a function_call_output with this call_id has to follow it", result_id="call_id"
)
_ENCRYPTED = "reasoning.encrypted_content"
"""A value of `include` that needs no action: encrypted content is always included."""
_WITHOUT_EFFECT = frozenset({"stream_options"})
"""Parameters that change nothing here, so that they are not reported as dropped."""


def to_converse(request: responses.ResponsesRequest, target: Target) -> Conversed:
    """Translate a parsed Responses request.

    Raises:
        InvalidRequest: Bedrock cannot serve the request; `param` names the field.
        MediaNeeded: images have to be fetched first.
        StateNeeded: stored responses have to be looked up first.
        ResponseNotFound: there is no such stored response.
    """
    past = history(request, target)
    tools = Tools(request, past.items, searches=bool(target.family.web_search))
    messages = ChatMessages(request.instructions, past.items, tools)
    paths = FieldPaths(messages, tools.places)
    try:
        conversed = chat_to_converse(_chat(request, messages.messages, tools), target, vocabulary=VOCABULARY)
    except InvalidRequest as error:
        raise InvalidRequest(error.reason, param=error.param and paths.of(error.param)) from None
    dropped = [*map(paths.of, conversed.dropped), *tools.dropped, *messages.dropped, *_unsupported(request)]
    return msgspec.structs.replace(
        conversed,
        dropped=tuple(dict.fromkeys(dropped)),
        writer=ResponsesWriter(
            echo=echo(request, kept=past.keeping is not None),
            keeping=past.keeping,
            names=conversed.names,
            tools=tools.by_function,
            answer_tool=conversed.answer_tool,
        ),
    )


def to_counted(request: responses.ResponsesRequest, target: Target) -> Conversed:
    """Translate a request to count its input tokens, which stores nothing. Raises as `to_converse`."""
    return to_converse(msgspec.structs.replace(request, store=False), target)


def _chat(request: responses.ResponsesRequest, messages: list[chat.Message], tools: Tools) -> chat.ChatRequest:
    return chat.ChatRequest(
        model=request.model,
        messages=messages,
        max_completion_tokens=request.max_output_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        tools=tools.functions or None,
        tool_choice=tools.choice(request.tool_choice),
        parallel_tool_calls=request.parallel_tool_calls,
        web_search_options=msgspec.Raw(b"{}" if tools.web_search else b""),
        reasoning_effort=request.reasoning.effort if request.reasoning else None,
        response_format=_response_format(request.text.format) if request.text and request.text.format else None,
        service_tier=request.service_tier,
        metadata=request.metadata,
        user=request.user,
        safety_identifier=request.safety_identifier,
        stream=request.stream,
        aws=request.aws,
    )


def _response_format(text_format: responses.Format) -> chat.ResponseFormat:
    if text_format.type != "json_schema":
        return chat.ResponseFormat(type=text_format.type)
    if given(text_format.schema) is None:
        raise InvalidRequest.at("text.format.schema", "a json_schema format needs its schema")
    json_schema = chat.JsonSchema(
        name=text_format.name or "answer",
        schema=text_format.schema,
        description=text_format.description,
        strict=text_format.strict,
    )
    return chat.ResponseFormat(type="json_schema", json_schema=json_schema)


def _unsupported(request: responses.ResponsesRequest) -> Iterator[str]:
    """Yield the parameters that Bedrock does not support, unless they are null or have their default."""
    if request.text and request.text.verbosity not in {None, "medium"}:
        yield "text.verbosity"
    if request.truncation not in {None, "disabled"}:
        yield "truncation"
    if any(name != _ENCRYPTED for name in request.include or ()):
        yield "include"
    yield from (name for name in unsupported(request.others, {}) if name not in _WITHOUT_EFFECT)
