"""Requests to backends with OpenAI's API, and their answers."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.bedrock.families import family_of
from aigw_extproc.config.snapshot import Schema
from aigw_extproc.errors import InvalidRequest, InvalidUpstreamResponse, UpstreamError, UpstreamTruncated
from aigw_extproc.translate.contract import ResponseContext, Target, TokenCounts, UpstreamRequest
from aigw_extproc.translate.openai_passthrough import parse, to
from aigw_extproc.translate.openai_passthrough.answer import OpenAIPassthroughAnswer
from aigw_extproc.translate.openai_passthrough.stream import MAX_LINE, OpenAIPassthroughStream

CONTEXT = ResponseContext(request_id="R", created=1)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ENDED = (
    b'data: {"choices":[{"finish_reason":null}]}\n\ndata: {"choices":[{"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":'
    b'{"cached_tokens":1}}}\n\ndata: [DONE]\n\n'
)


def passed(body: bytes, *, model: str | None = None, prefix: str = "/v1") -> UpstreamRequest:
    request = parse(body)
    name = model or request.model
    schema = Schema(name="OpenAI", prefix=prefix)
    return to("/chat/completions")(request, Target(model=name, family=family_of(name), schema=schema))


@given(st.dictionaries(st.text(), values), st.text(min_size=1), st.booleans() | st.none(), st.integers(0, 3))
def test_any_object_with_a_model_passes_byte_for_byte(fields: Any, model: str, stream: Any, indent: int) -> None:
    body = json.dumps({**fields, "model": model, "stream": stream}, indent=indent or None).encode()
    assert passed(body).body == body


@given(st.dictionaries(st.text(), values), st.text(min_size=1))
def test_an_override_changes_only_the_model(fields: Any, model: str) -> None:
    body = json.dumps({"model": "m", **{name: value for name, value in fields.items() if name != "stream"}}).encode()
    if not isinstance(fields.get("model", "m"), str):
        return
    assert json.loads(passed(body, model=model).body) == {**json.loads(body), "model": model}


def counted(body: dict[str, Any], path: str = "/chat/completions") -> UpstreamRequest:
    """A request on a route whose costs have to be known."""
    target = Target(model="m", family=family_of("m"), schema=Schema(name="OpenAI"), counts=True)
    return to(path)(parse(json.dumps({"model": "m", **body}).encode()), target)


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
@pytest.mark.parametrize(
    "options", [{}, {"stream_options": None}, {"stream_options": {"include_usage": False, "a": 1}}]
)
def test_a_stream_is_asked_for_its_tokens_where_they_cost(options: dict[str, Any], path: str) -> None:
    sent = counted({"stream": True, "seed": 1, **options}, path)
    expected = {**(options.get("stream_options") or {}), "include_usage": True}
    assert json.loads(sent.body) == {"model": "m", "stream": True, "seed": 1, "stream_options": expected}
    assert sent.answer == OpenAIPassthroughAnswer(hides_usage=True)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"stream": True, "stream_options": {"include_usage": True}}, "/chat/completions"),
        ({"stream": True, "stream_options": "none"}, "/chat/completions"),
        ({"stream": False}, "/chat/completions"),
        ({"stream": True}, "/responses"),
    ],
)
def test_other_requests_are_left_as_they_are(body: dict[str, Any], path: str) -> None:
    sent = counted(body, path)
    assert json.loads(sent.body) == {"model": "m", **body}
    assert sent.answer == OpenAIPassthroughAnswer()


@given(st.lists(st.integers(1, 40), max_size=20), st.sampled_from((b"\n", b"\r\n")))
def test_tokens_that_the_client_has_not_asked_for_are_left_out(cuts: list[int], end: bytes) -> None:
    """Wherever the stream is cut: but for an empty line, which is no event, if it is cut within a line's end."""
    stream, body, received = OpenAIPassthroughStream(hides_usage=True), ENDED.replace(b"\n", end), b""
    rest = body
    for cut in cuts:
        received += stream.feed(rest[:cut])
        rest = rest[cut:]
    received += stream.feed(rest) + stream.close()
    events = [event for event in received.replace(b"\r", b"\n").split(b"\n") if event]
    assert events == [line for line in ENDED.split(b"\n") if line and b'"usage"' not in line]
    assert stream.usage == TokenCounts(input_tokens=3, output_tokens=2, total_tokens=5, cached_input_tokens=1)
    assert stream.counted


@given(values | st.binary())
def test_any_other_body_is_refused(value: Any) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    try:
        passed(body)
    except InvalidRequest as error:
        assert error.status == 400


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        ("/v1", "/v1/chat/completions"),
        ("v1beta/openai/", "/v1beta/openai/chat/completions"),
        ("/", "/chat/completions"),
    ],
)
def test_the_path(prefix: str, path: str) -> None:
    assert passed(b'{"model":"m"}', prefix=prefix).path == path


@given(st.binary(max_size=300) | st.just(ENDED), st.lists(st.integers(0, 300)))
def test_a_stream_does_not_depend_on_its_chunks(data: bytes, cuts: list[int]) -> None:
    uncut, cut = OpenAIPassthroughStream(), OpenAIPassthroughStream()
    edges = [0, *sorted(cuts), len(data)]
    chunks = b"".join(cut.feed(data[start:end]) for start, end in itertools.pairwise(edges) if start < end)
    assert chunks + cut.close() == uncut.feed(data) + uncut.close()


def test_a_complete_stream_passes_byte_for_byte() -> None:
    stream = OpenAIPassthroughStream()
    assert stream.feed(ENDED) + stream.close() == ENDED
    assert (stream.failure, stream.usage) == (
        None,
        TokenCounts(input_tokens=3, output_tokens=2, total_tokens=5, cached_input_tokens=1),
    )


def test_an_error_ends_a_stream_in_the_middle_of_an_event() -> None:
    stream = OpenAIPassthroughStream()
    chunks = stream.feed(b'data: {"a":1}\n\ndata: {"b') + stream.close()
    assert chunks.startswith(b'data: {"a":1}\n\n\ndata: {"error":')
    assert isinstance(stream.failure, UpstreamTruncated)


def test_a_stream_of_responses_ends_in_an_error_and_a_failed_response() -> None:
    stream = OpenAIPassthroughStream()
    begun = b'data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","usage":null}}\n\n'
    ending = (stream.feed(begun) + stream.close()).removeprefix(begun + b"\n").decode()
    error, failed = [json.loads(event.partition("data: ")[2]) for event in ending.split("\n\n")[:-1]]
    message = "the response stream from the upstream ended before it was complete"
    assert (failed["type"], failed["sequence_number"]) == ("response.failed", 2)
    assert (failed["response"]["id"], failed["response"]["error"]) == (
        "resp_1",
        {"code": "server_error", "message": message},
    )
    assert (error["type"], error["sequence_number"], error["message"]) == ("error", 1, message)
    assert error["error"]["code"] == error["code"] == "upstream_truncated"


def test_an_error_in_a_stream_passes_unchanged() -> None:
    stream, data = OpenAIPassthroughStream(), b'data: {"error":{"message":"no","type":"t","code":5}}\n\n'
    assert stream.feed(data) + stream.close() == data
    assert isinstance(stream.failure, UpstreamError)
    assert (stream.failure.message, stream.failure.code) == ("no", "5")


def test_a_line_that_is_too_long_is_an_error() -> None:
    stream = OpenAIPassthroughStream()
    stream.feed(b"data: " + b"x" * MAX_LINE)
    assert isinstance(stream.failure, InvalidUpstreamResponse)


@given(values)
def test_any_json_from_upstream_passes_or_is_a_502(value: Any) -> None:
    body = json.dumps(value).encode()
    try:
        assert OpenAIPassthroughAnswer().translate_response(body, CONTEXT).body == body
    except InvalidUpstreamResponse as error:
        assert (error.status, isinstance(value, dict)) == (502, False)


@given(values, st.integers(201, 599))
def test_any_error_from_upstream_is_an_error(value: Any, status: int) -> None:
    assert OpenAIPassthroughAnswer().translate_error(status, {}, json.dumps(value).encode()).status >= 400
