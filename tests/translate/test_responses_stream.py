"""A whole response and its stream are the same, and the SDK's own types take both."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from aigw_extproc.errors import UpstreamTruncated
from aigw_extproc.translate.carriers.converse import decode_response
from aigw_extproc.translate.clients.responses.stream import ResponsesStream, ResponsesWriter
from aigw_extproc.translate.contract import ResponseContext
from aigw_extproc.translate.converse.tool_names import ToolNames

EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ECHO = {"model": "m", "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}


def stream() -> ResponsesStream:
    context = ResponseContext(request_id="r", created=1)
    return ResponsesStream(context, ResponsesWriter(echo=ECHO, names=ToolNames()))


def converse(stop_reason: str = "end_turn") -> bytes:
    content = [{"text": "Hi"}]
    usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5, "cacheReadInputTokens": 4}
    output = {"message": {"role": "assistant", "content": content}}
    return json.dumps({"output": output, "stopReason": stop_reason, "usage": usage}).encode()


def events(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(block.partition(b"\ndata: ")[2]) for block in body.split(b"\n\n") if block]


def test_a_stream_is_numbered_without_gaps_and_ends_in_the_whole_response() -> None:
    told = events(stream().replay(decode_response(converse())).body)
    for event in told:
        EVENTS.validate_python(event)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"] for event in (*told[:2], told[-1])] == [
        "response.created",
        "response.in_progress",
        "response.completed",
    ]
    assert told[-1]["response"] == json.loads(stream().collect(decode_response(converse())).body)


def test_a_whole_response_is_the_sdks() -> None:
    response = Response.model_validate_json(stream().collect(decode_response(converse())).body)
    assert (response.id, response.status, response.output_text) == ("resp_r", "completed", "Hi")


def test_usage_counts_what_the_cache_read() -> None:
    told = json.loads(stream().collect(decode_response(converse())).body)["usage"]
    assert (told["input_tokens"], told["input_tokens_details"]["cached_tokens"], told["total_tokens"]) == (7, 4, 9)


@pytest.mark.parametrize(
    ("stop_reason", "reason"),
    [("max_tokens", "max_output_tokens"), ("guardrail_intervened", "content_filter")],
)
def test_a_response_that_was_cut_is_incomplete(stop_reason: str, reason: str) -> None:
    told = events(stream().replay(decode_response(converse(stop_reason))).body)[-1]
    assert (told["type"], told["response"]["incomplete_details"]) == ("response.incomplete", {"reason": reason})


def test_a_failure_is_an_event_that_the_sdk_raises_for() -> None:
    assert stream().fail(UpstreamTruncated()) == (
        b"event: error\ndata: "
        b'{"error":{"message":"the response stream from Bedrock ended before it was complete",'
        b'"type":"api_error","param":null,"code":"upstream_truncated"}}\n\n'
    )
