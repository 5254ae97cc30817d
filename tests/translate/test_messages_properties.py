"""Properties of every Messages request and stream."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from anthropic._models import construct_type
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from aigw_extproc.anthropic import messages
from aigw_extproc.errors import InvalidRequest
from aigw_extproc.simulator import anthropic_request, rules, shapes
from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.translate.carriers import converse
from aigw_extproc.translate.clients.messages.stream import MessagesWriter
from aigw_extproc.translate.contract import FetchFailed, ResponseStream, UpstreamRequest
from aigw_extproc.translate.registry import ENDPOINTS, parse
from tests.translate import goldens, message_strategies, strategies
from tests.translate.goldens import MESSAGES
from tests.translate.test_accumulation import (
    NAMES,
    Block,
    content_and_stream,
    contents,
    interleaved_uses,
    stop_reason,
)

STREAMS = [goldens.read(case) for case in goldens.cases("streams", MESSAGES)]
UNFETCHED = {"http://127.0.0.1/x.png": FetchFailed(reason="is not at a public address")}
# The gateway leaves in what the model cannot read, or not so much of: without it the question would be another.
CLIENT_ERRORS = ("content block that you provided", "field for user messages", "exceeds the limit of")
SIGNATURE = "cR7p9lszbjYCyB4vJlNtdl54ckaHFS2JsXHGtvclaew="  # the simulator's, of empty thinking
EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def translated(request: dict[str, Any], path: str = "/v1/messages") -> UpstreamRequest:
    return goldens.upstream_for(path, request, fetched=UNFETCHED)


def check(conversation: dict[str, Any], model: str, *, streamed: bool = False) -> None:
    try:
        rules.check(conversation, model, streamed=streamed)
    except Invalid as refusal:
        assert any(reason in str(refusal) for reason in CLIENT_ERRORS)


def names_a_field(error: InvalidRequest, request: dict[str, Any]) -> bool:
    return bool(error.param) and str(error.param).split("[")[0].split(".")[0] in request


@given(message_strategies.requests)
@settings(max_examples=5 * settings().max_examples)
def test_a_request_is_translated_to_a_valid_one_or_refused_with_a_fields_path(request: dict[str, Any]) -> None:
    try:
        upstream = translated(request)
    except InvalidRequest as error:
        assert names_a_field(error, request)
        return
    body = json.loads(upstream.body)
    shapes.validate("Converse", {"modelId": "amazon.nova-micro-v1:0", **body})
    check(body, request["model"], streamed=upstream.stream)


@given(message_strategies.requests)
def test_a_request_to_count_tokens_is_translated_likewise(request: dict[str, Any]) -> None:
    try:
        counted = json.loads(translated(request, "/v1/messages/count_tokens").body)
    except InvalidRequest as error:
        assert names_a_field(error, request)
        return
    shapes.validate("CountTokens", {"modelId": "amazon.nova-micro-v1:0", **counted})
    check(counted["input"]["converse"], request["model"])


@given(message_strategies.requests, st.sampled_from(["/v1/messages", "/v1/messages/count_tokens"]))
def test_claudes_strict_body_knows_every_member(request: dict[str, Any], path: str) -> None:
    request = {**request, "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}
    try:
        upstream = goldens.upstream_for(path, request, "AWSAnthropic", fetched=UNFETCHED)
    except InvalidRequest as error:
        assert names_a_field(error, request)
        return
    body = json.loads(upstream.body)
    if "input" in body:
        body = json.loads(b64decode(body["input"]["invokeModel"]["body"]))
    try:
        anthropic_request.parse(json.dumps(body).encode(), request["model"])
    except Invalid as refusal:  # for what clients see the reason of: a blank text, an id, the number of marks
        assert not any(fault in str(refusal) for fault in ("unknown field", "null", "Extra inputs", "schema"))


@given(message_strategies.requests)
def test_a_translation_leaves_the_request_unchanged(request: dict[str, Any]) -> None:
    parsed = parse(ENDPOINTS["/v1/messages"], "AWSBedrock", json.dumps(request).encode(), {})
    target = goldens.target(request["model"], fetched=UNFETCHED)
    try:
        first = parsed(target)
    except InvalidRequest:
        return
    again = parsed(target)
    assert (first.path, first.body, first.dropped) == (again.path, again.body, again.dropped)


def stream_of(golden: dict[str, Any]) -> ResponseStream:
    return goldens.messages_answer(golden).translate_stream(goldens.CONTEXT)


@given(golden=st.sampled_from(STREAMS), sizes=st.lists(st.integers(0, 90), max_size=30))
def test_a_stream_does_not_depend_on_its_chunks(golden: dict[str, Any], sizes: list[int]) -> None:
    data, uncut = goldens.frames(golden["events"]), stream_of(golden)
    expected = uncut.feed(data) + uncut.close()
    assert goldens.fed(stream_of(golden), data, sizes) == expected


@given(golden=st.sampled_from(STREAMS), position=st.integers(0, 2000), flip=st.integers(1, 255))
def test_a_damaged_stream_ends_in_one_error_or_its_stop(golden: dict[str, Any], position: int, flip: int) -> None:
    data = bytearray(goldens.frames(golden["events"]))
    if position >= len(data):
        return
    data[position] ^= flip
    stream = stream_of(golden)
    events = events_of(stream.feed(bytes(data)) + stream.close())
    assert [event["type"] for event in events if event["type"] in ("error", "message_stop")] == [events[-1]["type"]]
    assert (stream.feed(b"more"), stream.close()) == (b"", b"")


def events_of(data: bytes) -> list[dict[str, Any]]:
    return [goldens.event_data(event) for event in data.decode().split("\n\n")[:-1]]


def read(event: dict[str, Any]) -> Any:
    """Read an event as the SDK does; its types have no images, since Claude makes none."""
    is_image = event.get("content_block", {}).get("type") == "image"
    return construct_type(type_=RawMessageStreamEvent, value=event) if is_image else EVENT.validate_python(event)


def accumulated(stream: ResponseStream, pieces: list[bytes]) -> dict[str, Any]:
    data = b"".join(map(stream.feed, pieces)) + stream.close()
    message: Any = None
    buffers: Any = {}
    for event in events_of(data):
        message = accumulate_event(event=read(event), current_snapshot=message, json_bufs=buffers)
    accumulated_message: dict[str, Any] = message.to_dict(warnings=False)
    return accumulated_message


@given(content_and_stream(contents) | interleaved_uses())
def test_a_stream_adds_up_to_the_complete_response(case: tuple[list[Block], list[bytes]]) -> None:
    content, pieces = case
    answer = converse.answer(goldens.conversed(MessagesWriter(model="m", names=NAMES)))
    body = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(content),
        "usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 10, "cacheReadInputTokens": 2},
    }
    complete = json.loads(answer.translate_response(json.dumps(body).encode(), goldens.CONTEXT).body)
    streamed = accumulated(answer.translate_stream(goldens.CONTEXT), pieces)
    assert {name: streamed[name] for name in complete if name != "usage"} == {
        name: value for name, value in complete.items() if name != "usage"
    }
    assert streamed["usage"] | complete["usage"] == streamed["usage"]


@given(strategies.requests)
@settings(deadline=None)
def test_a_chat_for_invoke_model_is_valid_or_refused(request: dict[str, Any]) -> None:
    request = {**request, "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}
    try:
        upstream = goldens.upstream_for("/v1/chat/completions", request, "AWSAnthropic", fetched=UNFETCHED)
    except InvalidRequest as error:
        assert error.param
        return
    anthropic_request.parse(upstream.body, request["model"])


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        messages.create_params(messages.parse(body))
    except InvalidRequest as error:
        assert error.status == 400


@given(strategies.any_json)
def test_any_json_from_upstream_is_translated_or_a_502(value: Any) -> None:
    result = goldens.translate_response({"response": value}, MESSAGES)
    assert result.keys() == {"error"} or result["message"]["type"] == "message"


def test_a_tool_loop_after_a_document_begins_anew() -> None:
    """A document is no part of the message with the results, so earlier reasoning does not count for later calls."""
    call = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": ""}
    document = {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"},
    }
    request = {
        "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "max_tokens": 2048,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "messages": [
            {"role": "user", "content": "Hi."},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": SIGNATURE}, call]},
            {"role": "user", "content": [result, {"type": "text", "text": "See:"}, document]},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ],
    }
    upstream = translated(request)
    assert upstream.dropped == ("thinking",)
    check(json.loads(upstream.body), str(request["model"]))
