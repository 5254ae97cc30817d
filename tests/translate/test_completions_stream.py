"""Streams of legacy completions, and properties of every request and stream."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.errors import GatewayError, InvalidRequest
from aigw_extproc.openai import completions
from aigw_extproc.simulator import rules, shapes
from aigw_extproc.translate.carriers import converse
from aigw_extproc.translate.carriers.response import CarriedAnswer
from aigw_extproc.translate.clients.completions.stream import CompletionWriter
from aigw_extproc.translate.contract import ResponseContext
from tests.translate.goldens import conversed, event_data, frames, upstream_for
from tests.translate.strategies import mostly, texts

CONTEXT = ResponseContext(request_id="R", created=123)
EVENTS: list[list[Any]] = [
    ["messageStart", {"role": "assistant"}],
    ["contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm"}}}],
    ["contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "He"}}],
    ["contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "llo"}}],
    ["contentBlockStop", {"contentBlockIndex": 1}],
    ["messageStop", {"stopReason": "max_tokens"}],
    ["metadata", {"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}}],
]
HEAD: dict[str, Any] = {"id": "cmpl-R", "object": "text_completion", "created": 123, "model": "m"}


def completion_answer(*, include_usage: bool) -> CarriedAnswer:
    return converse.answer(conversed(CompletionWriter(model="m", include_usage=include_usage)))


def chunks(events: list[list[Any]], *, include_usage: bool = False) -> list[Any]:
    stream = completion_answer(include_usage=include_usage).translate_stream(CONTEXT)
    text = (stream.feed(frames(events)) + stream.close()).decode()
    return [event_data(event) for event in text.split("\n\n")[:-1]]


def chunk(text: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": reason}], **more}


def test_a_stream() -> None:
    assert chunks(EVENTS) == [chunk("He"), chunk("llo"), chunk("", "length"), "[DONE]"]


def test_a_stream_with_its_usage() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert chunks(EVENTS, include_usage=True) == [
        chunk("He", usage=None),
        chunk("llo", usage=None),
        chunk("", "length", usage=None),
        {**HEAD, "choices": [], "usage": usage},
        "[DONE]",
    ]


def test_a_stream_that_fails() -> None:
    failed = chunks([*EVENTS[:3], ["throttlingException", {"message": "Slow down."}]])
    detail = {"message": "Slow down.", "type": "rate_limit_error", "param": None, "code": "throttling_exception"}
    assert failed == [chunk("He"), {"error": detail}]


def test_a_stream_that_ends_too_early() -> None:
    assert [one["error"]["code"] for one in chunks(EVENTS[:2])] == ["upstream_truncated"]


@given(st.lists(st.integers(0, 90), max_size=20))
def test_a_stream_does_not_depend_on_its_chunks(sizes: list[int]) -> None:
    data, stream = frames(EVENTS), completion_answer(include_usage=True).translate_stream(CONTEXT)
    received, position = b"", 0
    for size in sizes:
        received += stream.feed(data[position : position + size])
        position += size
    received += stream.feed(data[position:]) + stream.close()
    expected = completion_answer(include_usage=True).translate_stream(CONTEXT)
    assert received == expected.feed(data) + expected.close()


requests = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["us.amazon.nova-lite-v1:0", "anthropic.claude-opus-4-7", "nobody.knows-this-one"]),
        "prompt": mostly(st.text(min_size=1, max_size=9).map(lambda text: f"{text}?"), texts | st.just([1, 2])),
    },
    optional={
        "temperature": mostly(st.floats(0, 3), st.just(-1)),
        "top_p": st.floats(0, 2),
        "max_tokens": mostly(st.integers(1, 100), st.integers(-1, 0)),
        "stop": texts | st.lists(texts, max_size=3),
        "stream": st.booleans(),
        "n": mostly(st.sampled_from([1, None]), st.just(2)),
        "echo": mostly(st.just(False), st.just(True)),
        "seed": st.integers(),
    },
)


@given(requests)
def test_a_request_is_translated_to_a_valid_one_or_refused_with_a_fields_path(request: Any) -> None:
    try:
        upstream = upstream_for("/v1/completions", request)
    except InvalidRequest as error:
        assert error.param
        assert error.param.split("[")[0] in request
        return
    body = json.loads(upstream.body)
    shapes.validate("Converse", {"modelId": "amazon.nova-micro-v1:0", **body})
    rules.check(body, request["model"], streamed=upstream.stream)


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        completions.parse(body)
    except InvalidRequest as error:
        assert error.status == 400


@given(st.recursive(st.none() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_json_from_upstream_is_a_502(value: Any) -> None:
    answer = completion_answer(include_usage=False)
    try:
        answer.translate_response(json.dumps(value).encode(), CONTEXT)
    except GatewayError as error:
        assert error.status == 502
    else:
        raise AssertionError(value)
