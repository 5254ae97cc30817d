"""What holds for every request for a response, not only for those that somebody thought of."""

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
    contents,
    stop_reason,
    told_twice,
)
from tests.translate.test_messages_properties import UNFETCHED, check

STREAMS = [goldens.read(case) for case in goldens.cases("streams", RESPONSES)]
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def translated(request: dict[str, Any], schema: str = "AWSBedrock") -> UpstreamRequest:
    return goldens.upstream_for("/v1/responses", request, schema, fetched=UNFETCHED)


def is_in(request: Any, param: str | None) -> bool:
    """Whether a path leads to something in a request, or to what is missing from there."""
    steps = [name or int(index) for name, index in STEP.findall(param or "")]
    for step in steps[:-1]:
        request = request[step]
    return bool(steps) and (isinstance(request, dict) or (isinstance(steps[-1], int) and len(request) > steps[-1]))


@given(response_strategies.requests)
@settings(max_examples=100, deadline=None)
def test_a_request_is_translated_to_what_bedrock_takes_or_refused_with_the_fields_path(request: dict[str, Any]) -> None:
    try:
        upstream = translated(request)
    except InvalidRequest as error:
        assert is_in(request, error.param)
        return
    body = json.loads(upstream.body)
    shapes.validate("Converse", {"modelId": "amazon.nova-micro-v1:0", **body})
    check(body, request["model"], streamed=upstream.stream)
    assert isinstance(upstream.answer, CarriedAnswer)
    told = upstream.answer.translate_response(body_of([{"text": "Hi."}]), goldens.CONTEXT).body
    if not upstream.answer.replayed:
        Response.model_validate_json(told)


@given(response_strategies.requests)
@settings(deadline=None)
def test_it_is_sent_to_claude_in_its_own_format_or_refused(request: dict[str, Any]) -> None:
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
    """A stream is sound in the eyes of OpenAI's SDK, and ends in what the same content makes as a whole."""
    stream, state = answer.translate_stream(goldens.CONTEXT), ResponseStreamState(input_tools=omit, text_format=omit)
    events = events_of(b"".join([*map(stream.feed, pieces), stream.close()]))
    for event in events:
        state.handle_event(EVENT.validate_python(event, strict=True))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    whole = json.loads(answer.translate_response(body_of(content), goldens.CONTEXT).body)
    assert events[-1]["response"] == whole
    Response.model_validate(whole, strict=True)


def responses_answer(answer_tool: str | None = None) -> CarriedAnswer:
    echo = {"model": "m", "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return converse.answer(goldens.conversed(ResponsesWriter(echo=echo, names=NAMES, answer_tool=answer_tool)))


def have_ids_of_their_own(content: list[Block]) -> bool:
    """As Bedrock's tool uses do, and as OpenAI's SDK tells calls from one another."""
    ids = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
    return len(ids) == len(set(ids))


@given(told_twice(contents.filter(have_ids_of_their_own)))
@settings(deadline=None)
def test_a_stream_adds_up_to_the_whole(told: tuple[list[Block], list[bytes]]) -> None:
    assert_adds_up(responses_answer(), *told)


@given(told_twice(answers.filter(have_ids_of_their_own)))
@settings(deadline=None)
def test_so_does_one_whose_answer_is_the_input_of_a_tool(told: tuple[list[Block], list[bytes]]) -> None:
    assert_adds_up(responses_answer(ANSWER_TOOL), *told)


@given(golden=st.sampled_from(STREAMS), sizes=st.lists(st.integers(0, 90), max_size=30))
def test_where_a_stream_is_cut_changes_nothing(golden: dict[str, Any], sizes: list[int]) -> None:
    data = goldens.frames(golden["events"])
    whole, cut = (goldens.responses_answer(golden).translate_stream(goldens.CONTEXT) for _ in range(2))
    assert goldens.fed(cut, data, sizes) == whole.feed(data) + whole.close()


@given(golden=st.sampled_from(STREAMS), position=st.integers(0, 2000), flip=st.integers(1, 255))
def test_a_damaged_stream_ends_in_one_error_or_in_its_end_and_nothing_behind_it(
    golden: dict[str, Any], position: int, flip: int
) -> None:
    data = bytearray(goldens.frames(golden["events"]))
    if position >= len(data):
        return
    data[position] ^= flip
    stream = goldens.responses_answer(golden).translate_stream(goldens.CONTEXT)
    events = events_of(stream.feed(bytes(data)) + stream.close())
    ends = [event for event in events if event.get("type") in (None, "response.completed", "response.incomplete")]
    assert ends == [events[-1]]
    assert (stream.feed(b"more"), stream.close()) == (b"", b"")


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        responses.items(responses.parse(body))
    except InvalidRequest as error:
        assert error.status == 400


@given(strategies.any_json)
def test_any_json_from_upstream_is_translated_or_a_502(value: Any) -> None:
    result = goldens.translate_response({"response": value}, RESPONSES)
    assert result.keys() == {"error"} or result["told"]["object"] == "response"
