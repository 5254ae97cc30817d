"""A complete response equals its stream, and both are valid by the types of OpenAI's SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from aigw_extproc.errors import UpstreamError, UpstreamTruncated
from aigw_extproc.translate.carriers.converse import decode_response
from aigw_extproc.translate.clients.responses.stream import ResponsesStream, ResponsesWriter
from aigw_extproc.translate.contract import ResponseContext
from aigw_extproc.translate.converse.replay import events_of
from aigw_extproc.translate.converse.tool_names import ToolNames

EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ECHO = {"model": "m", "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}


def stream() -> ResponsesStream:
    context = ResponseContext(request_id="r", created=1)
    return ResponsesStream(context, ResponsesWriter(echo=ECHO, names=ToolNames()))


def converse(*content: dict[str, Any], stop_reason: str = "end_turn") -> bytes:
    content = content or ({"text": "Hi"},)
    usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5, "cacheReadInputTokens": 4}
    output = {"message": {"role": "assistant", "content": content}}
    return json.dumps({"output": output, "stopReason": stop_reason, "usage": usage}).encode()


def events(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(block.partition(b"\ndata: ")[2]) for block in body.split(b"\n\n") if block]


def test_a_stream_is_numbered_without_gaps_and_ends_in_the_complete_response() -> None:
    streamed = events(stream().replay(decode_response(converse())).body)
    for event in streamed:
        EVENTS.validate_python(event)
    assert [event["sequence_number"] for event in streamed] == list(range(len(streamed)))
    assert [event["type"] for event in (*streamed[:2], streamed[-1])] == [
        "response.created",
        "response.in_progress",
        "response.completed",
    ]
    assert streamed[-1]["response"] == json.loads(stream().collect(decode_response(converse())).body)


def test_a_complete_response_is_valid() -> None:
    response = Response.model_validate_json(stream().collect(decode_response(converse())).body)
    assert (response.id, response.status, response.output_text) == ("resp_r", "completed", "Hi")


def test_usage_includes_cached_tokens() -> None:
    usage = json.loads(stream().collect(decode_response(converse())).body)["usage"]
    assert (usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"], usage["total_tokens"]) == (7, 4, 9)


@pytest.mark.parametrize(
    ("stop_reason", "reason"),
    [("max_tokens", "max_output_tokens"), ("guardrail_intervened", "content_filter")],
)
def test_a_truncated_response_is_incomplete(stop_reason: str, reason: str) -> None:
    last = events(stream().replay(decode_response(converse(stop_reason=stop_reason))).body)[-1]
    assert (last["type"], last["response"]["incomplete_details"]) == ("response.incomplete", {"reason": reason})


ERROR = {
    "message": "the response stream from Bedrock ended before it was complete",
    "type": "api_error",
    "param": None,
    "code": "upstream_truncated",
}


def test_a_failure_is_an_error_and_a_failed_response() -> None:
    created, error, failed = events(stream().fail(UpstreamTruncated()))
    assert created == {"type": "response.created", "sequence_number": 0, "response": created["response"]}
    assert failed["response"] == {
        **created["response"],
        "status": "failed",
        "error": {"code": "server_error", "message": ERROR["message"]},
    }
    assert error == {**ERROR, "type": "error", "sequence_number": 1, "error": ERROR}
    for event in (created, error, failed):
        EVENTS.validate_python(event)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (429, "throttling_exception", "rate_limit_exceeded"),
        (400, None, "invalid_prompt"),
        (400, "context_length_exceeded", "context_length_exceeded"),
        (503, None, "server_error"),
    ],
)
def test_a_failed_response_says_whether_to_try_again(status: int, code: str | None, expected: str) -> None:
    failure = UpstreamError("why", status=status, type="api_error", code=code)
    assert events(stream().fail(failure))[-1]["response"]["error"] == {"code": expected, "message": "why"}


def test_a_failed_response_keeps_the_items_that_are_complete() -> None:
    writer, call = stream(), {"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}
    for event in list(events_of(decode_response(converse({"text": "Hi"}, call))))[:-3]:
        b"".join(writer.write(event))
    writer.fail(UpstreamTruncated())
    assert [item["type"] for item in writer.response["output"]] == ["message"]
