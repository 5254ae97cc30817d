"""Properties of every chat completion request and stream."""

from __future__ import annotations

import json
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from aigw_extproc.errors import InvalidRequest
from aigw_extproc.openai import chat
from aigw_extproc.simulator import rules, shapes
from aigw_extproc.simulator.errors import Invalid
from aigw_extproc.translate.clients.chat.messages import ADDERS
from aigw_extproc.translate.contract import FetchFailed, ResponseStream, UpstreamRequest
from aigw_extproc.translate.converse.tool_names import ToolNames, alias
from aigw_extproc.translate.registry import ENDPOINTS, parse
from tests.translate import goldens, strategies

STREAMS = [goldens.read(case) for case in goldens.cases("streams")]
UNFETCHED = {"http://127.0.0.1/x.png": FetchFailed(reason="is not at a public address")}


def translated(request: dict[str, Any]) -> UpstreamRequest:
    return goldens.upstream_for("/v1/chat/completions", request, fetched=UNFETCHED)


@given(strategies.requests)
@settings(max_examples=5 * settings().max_examples)
def test_a_chat_is_translated_to_a_valid_request_or_refused_with_a_fields_path(request: dict[str, Any]) -> None:
    try:
        upstream = translated(request)
    except InvalidRequest as error:
        assert error.param
        assert error.param.split("[")[0].split(".")[0] in request
        return
    body = json.loads(upstream.body)
    shapes.validate("Converse", {"modelId": "amazon.nova-micro-v1:0", **body})
    try:
        rules.check(body, request["model"], streamed=upstream.stream)
    except Invalid as refusal:
        # The gateway leaves in what the model cannot read: without it the question would be another.
        assert "doesn't support the image content block" in str(refusal)


@given(strategies.requests)
def test_a_translation_leaves_the_request_unchanged(request: dict[str, Any]) -> None:
    try:
        parsed = parse(ENDPOINTS["/v1/chat/completions"], "AWSBedrock", json.dumps(request).encode(), {})
        first = parsed(goldens.target(request["model"], fetched=UNFETCHED))
    except InvalidRequest:
        return
    again = parsed(goldens.target(request["model"], fetched=UNFETCHED))
    assert (first.path, first.body, first.dropped) == (again.path, again.body, again.dropped)
    assert first.body == translated(request).body


def test_every_kind_of_message_is_translated() -> None:
    assert ADDERS.keys() == set(get_args(chat.Message))


def stream_of(golden: dict[str, Any]) -> ResponseStream:
    return goldens.chat_answer(golden).translate_stream(goldens.CONTEXT)


@given(golden=st.sampled_from(STREAMS), sizes=st.lists(st.integers(0, 90), max_size=30))
def test_a_stream_does_not_depend_on_its_chunks(golden: dict[str, Any], sizes: list[int]) -> None:
    data, uncut = goldens.frames(golden["events"]), stream_of(golden)
    expected = uncut.feed(data) + uncut.close()
    assert goldens.fed(stream_of(golden), data, sizes) == expected


@given(golden=st.sampled_from(STREAMS), position=st.integers(0, 2000), flip=st.integers(1, 255))
def test_a_damaged_stream_ends_in_one_error_or_its_end(golden: dict[str, Any], position: int, flip: int) -> None:
    data = bytearray(goldens.frames(golden["events"]))
    if position >= len(data):
        return
    data[position] ^= flip
    stream = stream_of(golden)
    text = (stream.feed(bytes(data)) + stream.close()).decode()
    events = [goldens.event_data(event) for event in text.split("\n\n")[:-1]]
    errors = [event for event in events if "error" in event]
    assert len(errors) + events.count("[DONE]") == 1
    assert errors == events[-1:] or events[-1] == "[DONE]"
    assert stream.feed(b"more") == b""
    assert stream.close() == b""


@given(st.lists(strategies.names, max_size=8))
def test_aliases_of_tool_names_are_unique_and_reversible(names: list[str]) -> None:
    aliases = ToolNames.of(names)
    valid = [aliases.to_bedrock(name) for name in dict.fromkeys(names)]
    assert len(set(valid)) == len(valid)
    assert [aliases.to_client(name) for name in valid] == list(dict.fromkeys(names))


def test_an_alias_differs_from_every_earlier_name_of_the_client() -> None:
    taken = alias("get weather")
    assert ToolNames.of([taken, "get weather"]).to_bedrock("get weather") == alias("get weather", salt="1:")


def test_a_later_name_changes_no_alias() -> None:
    taken = alias("get weather")
    aliases = ToolNames.of(["get weather", taken])
    assert aliases.to_bedrock("get weather") == taken
    assert aliases.to_client(aliases.to_bedrock(taken)) == taken


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        chat.parse(body)
    except InvalidRequest as error:
        assert error.status == 400


@given(strategies.any_json)
def test_any_json_from_upstream_is_translated_or_a_502(value: Any) -> None:
    answer = goldens.chat_answer({})
    result = goldens.translate_response({"response": value})
    assert result.keys() == {"error"} or result["completion"]["object"] == "chat.completion"
    assert answer.translate_error(500, {}, json.dumps(value).encode()).status == 500
