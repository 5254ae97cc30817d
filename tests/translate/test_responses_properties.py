"""Properties of every Responses request and stream."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import responses
from aigw_extproc.simulator import anthropic_request, shapes
from aigw_extproc.translate.carriers import converse
from aigw_extproc.translate.carriers.response import CarriedAnswer
from aigw_extproc.translate.clients.responses.history import history
from aigw_extproc.translate.clients.responses.stream import ResponsesWriter
from aigw_extproc.translate.contract import UpstreamRequest
from tests.translate import goldens, response_strategies, strategies
from tests.translate.goldens import RESPONSES
from tests.translate.test_accumulation import (
    ANSWER_TOOL,
    NAMES,
    USAGE,
    Block,
    answers,
    compact,
    content_and_stream,
    contents,
    interleaved_uses,
    stop_reason,
)
from tests.translate.test_messages_properties import UNFETCHED, check

STREAMS = [goldens.read(case) for case in goldens.cases("streams", RESPONSES)]
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def translated(request: dict[str, Any], schema: str = "AWSBedrock") -> UpstreamRequest:
    return goldens.upstream_for("/v1/responses", request, schema, fetched=UNFETCHED)


def is_in(request: Any, param: str | None) -> bool:
    """Return whether a path leads to a field of the request, or to a field that is missing in it."""
    steps = [name or int(index) for name, index in STEP.findall(param or "")]
    for step in steps[:-1]:
        request = request[step]
    return bool(steps) and (isinstance(request, dict) or (isinstance(steps[-1], int) and len(request) > steps[-1]))


@given(response_strategies.requests)
@settings(deadline=None)
def test_a_request_is_translated_to_a_valid_one_or_refused_with_a_fields_path(request: dict[str, Any]) -> None:
    try:
        upstream = translated(request)
    except InvalidRequest as error:
        assert is_in(request, error.param)
        return
    body = json.loads(upstream.body)
    shapes.validate("Converse", {"modelId": "amazon.nova-micro-v1:0", **body})
    check(body, request["model"], streamed=upstream.stream)
    assert isinstance(upstream.answer, CarriedAnswer)
    response = upstream.answer.translate_response(body_of([{"text": "Hi."}]), goldens.CONTEXT).body
    if not upstream.answer.replayed:
        Response.model_validate_json(response)


@given(response_strategies.requests)
@settings(deadline=None)
def test_a_request_for_invoke_model_is_valid_or_refused(request: dict[str, Any]) -> None:
    request = {**request, "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}
    try:
        upstream = translated(request, "AWSAnthropic")
    except InvalidRequest as error:
        assert error.param
        return
    anthropic_request.parse(upstream.body)


def body_of(content: list[Block]) -> bytes:
    response = {"output": {"message": {"role": "assistant", "content": content}}, "usage": USAGE}
    return compact(response | {"stopReason": stop_reason(content)}).encode()


def events_of(data: bytes) -> list[dict[str, Any]]:
    return [goldens.event_data(event) for event in data.decode().split("\n\n")[:-1]]


def assert_adds_up(answer: CarriedAnswer, content: list[Block], pieces: list[bytes]) -> None:
    """Assert that OpenAI's SDK accepts a stream, and that it ends in the complete response of the same content."""
    stream, state = answer.translate_stream(goldens.CONTEXT), ResponseStreamState(input_tools=omit, text_format=omit)
    events = events_of(b"".join([*map(stream.feed, pieces), stream.close()]))
    for event in events:
        state.handle_event(EVENT.validate_python(event, strict=True))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    complete = json.loads(answer.translate_response(body_of(content), goldens.CONTEXT).body)
    assert events[-1]["response"] == complete
    Response.model_validate(complete, strict=True)


def responses_answer(answer_tool: str | None = None) -> CarriedAnswer:
    echo = {"model": "m", "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return converse.answer(goldens.conversed(ResponsesWriter(echo=echo, names=NAMES, answer_tool=answer_tool)))


def have_unique_ids(content: list[Block]) -> bool:
    """Return whether the tool uses have unique ids, as Bedrock's have: OpenAI's SDK needs them."""
    ids = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
    return len(ids) == len(set(ids))


@given(content_and_stream(contents.filter(have_unique_ids)) | interleaved_uses())
@settings(deadline=None)
def test_a_stream_adds_up_to_the_complete_response(case: tuple[list[Block], list[bytes]]) -> None:
    assert_adds_up(responses_answer(), *case)


@given(content_and_stream(answers.filter(have_unique_ids)))
@settings(deadline=None)
def test_a_stream_with_an_answer_tool_adds_up_to_the_complete_response(case: tuple[list[Block], list[bytes]]) -> None:
    assert_adds_up(responses_answer(ANSWER_TOOL), *case)


ENDS = ("response.completed", "response.incomplete", "response.failed")


@given(golden=st.sampled_from(STREAMS), sizes=st.lists(st.integers(0, 90), max_size=30))
def test_a_stream_does_not_depend_on_its_chunks(golden: dict[str, Any], sizes: list[int]) -> None:
    data = goldens.frames(golden["events"])
    uncut, cut = (goldens.responses_answer(golden).translate_stream(goldens.CONTEXT) for _ in range(2))
    assert goldens.fed(cut, data, sizes) == uncut.feed(data) + uncut.close()


@given(golden=st.sampled_from(STREAMS), position=st.integers(0, 2000), flip=st.integers(1, 255))
def test_a_damaged_stream_ends_in_one_error_or_its_end(golden: dict[str, Any], position: int, flip: int) -> None:
    data = bytearray(goldens.frames(golden["events"]))
    if position >= len(data):
        return
    data[position] ^= flip
    stream = goldens.responses_answer(golden).translate_stream(goldens.CONTEXT)
    events = events_of(stream.feed(bytes(data)) + stream.close())
    ends = [event for event in events if event["type"] in ENDS]
    assert ends == [events[-1]]
    assert (stream.feed(b"more"), stream.close()) == (b"", b"")


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        history(responses.parse(body), goldens.target("m"))
    except InvalidRequest as error:
        assert error.status == 400


@given(strategies.any_json)
def test_any_json_from_upstream_is_translated_or_a_502(value: Any) -> None:
    result = goldens.translate_response({"response": value}, RESPONSES)
    assert result.keys() == {"error"} or result["result"]["object"] == "response"
