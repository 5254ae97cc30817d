"""A complete response equals its stream, and both are valid by the types of OpenAI's SDK."""

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
    last = events(stream().replay(decode_response(converse(stop_reason))).body)[-1]
    assert (last["type"], last["response"]["incomplete_details"]) == ("response.incomplete", {"reason": reason})


def test_a_failure_is_an_error_event() -> None:
    assert stream().fail(UpstreamTruncated()) == (
        b"event: error\ndata: "
        b'{"error":{"message":"the response stream from Bedrock ended before it was complete",'
        b'"type":"api_error","param":null,"code":"upstream_truncated"}}\n\n'
    )
