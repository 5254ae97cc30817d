"""Operations and endpoints, with a boto3 client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.simulator.running import RunningSimulator

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"


def ask(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


def test_converse_echoes(bedrock: Any) -> None:
    answer = bedrock.converse(modelId=MODEL, messages=ask("How are you?"))
    del answer["ResponseMetadata"]
    assert answer == {
        "output": {"message": {"role": "assistant", "content": [{"text": "Hello! You said: How are you?"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 4, "outputTokens": 6, "totalTokens": 10},
        "metrics": {"latencyMs": 42},
    }


def test_converse_stream_sends_the_events_in_their_order(bedrock: Any) -> None:
    events = list(bedrock.converse_stream(modelId=MODEL, messages=ask("Hi"))["stream"])
    assert events == [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "Hello! "}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "You "}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "said: "}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {
            "metadata": {
                "usage": {"inputTokens": 2, "outputTokens": 4, "totalTokens": 6},
                "metrics": {"latencyMs": 42},
            }
        },
    ]


PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
TOOLS = {
    "tools": [
        {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object", "properties": {field: {}}}}}}
        for name, field in (("get_weather", "city"), ("get_time", "zone"))
    ]
}
CLAUDE = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Hi"}],
    }
)


def code_of(failing: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        failing(**{"modelId": MODEL, "messages": ask("Hi"), **arguments})
    return str(caught.value.response["Error"]["Code"])


def without_ids(content: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for block in content:
        if "toolUse" in block:
            assert block["toolUse"].pop("toolUseId").startswith("tooluse_")
        yield block


def test_a_loop_of_parallel_tools(bedrock: Any) -> None:
    messages = ask("now use get_time and get_weather")
    first = bedrock.converse(modelId=MODEL, messages=messages, toolConfig=TOOLS)
    content = first["output"]["message"]["content"]
    ids = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
    results = [
        {"toolResult": {"toolUseId": ids[0], "content": [{"text": "sunny"}]}},
        {"toolResult": {"toolUseId": ids[1], "content": [{"json": {"time": "12:00"}}]}},
    ]
    messages += [first["output"]["message"], {"role": "user", "content": results}]
    second = bedrock.converse(modelId=MODEL, messages=messages, toolConfig=TOOLS)
    assert second["output"]["message"]["content"] == [{"text": 'The tools answered: sunny; {"time":"12:00"}'}]
    assert (first["stopReason"], list(without_ids(content))) == (
        "tool_use",
        [
            {"text": "I will use get_weather, get_time."},
            {"toolUse": {"name": "get_weather", "input": {"city": "example city"}}},
            {"toolUse": {"name": "get_time", "input": {"zone": "example zone"}}},
        ],
    )


def test_tools_stream_after_the_text(bedrock: Any) -> None:
    stream = bedrock.converse_stream(modelId=MODEL, messages=ask("Use get_time"), toolConfig=TOOLS)["stream"]
    events = [event for event in stream if "contentBlockDelta" not in event or "toolUse" in str(event)]
    start = events[2]["contentBlockStart"]
    assert start["start"]["toolUse"].pop("toolUseId").startswith("tooluse_")
    assert events[:-1] == [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"contentBlockStart": {"start": {"toolUse": {"name": "get_time"}}, "contentBlockIndex": 1}},
        {"contentBlockDelta": {"delta": {"toolUse": {"input": ""}}, "contentBlockIndex": 1}},
        {"contentBlockDelta": {"delta": {"toolUse": {"input": '{"zone":"exa'}}, "contentBlockIndex": 1}},
        {"contentBlockDelta": {"delta": {"toolUse": {"input": 'mple zone"}'}}, "contentBlockIndex": 1}},
        {"contentBlockStop": {"contentBlockIndex": 1}},
        {"messageStop": {"stopReason": "tool_use"}},
    ]


def test_an_image_is_seen(bedrock: Any) -> None:
    content = [{"text": "Look"}, {"image": {"format": "png", "source": {"bytes": PNG}}}]
    answer = bedrock.converse(modelId=MODEL, messages=[{"role": "user", "content": content}])
    assert answer["output"]["message"]["content"] == [{"text": "Hello! You said: Look I see a png image of 68 bytes."}]


def test_a_model_may_be_named_by_its_arn(bedrock: Any) -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
    assert bedrock.converse(modelId=arn, messages=ask("Hi"))["stopReason"] == "end_turn"


def test_invoke_model_answers_in_claudes_format(bedrock: Any) -> None:
    answer = json.loads(bedrock.invoke_model(modelId=MODEL, body=CLAUDE)["body"].read())
    assert (answer["model"], answer["content"]) == (MODEL, [{"type": "text", "text": "Hello! You said: Hi"}])


def test_invoke_model_streams_claudes_events(bedrock: Any) -> None:
    stream = bedrock.invoke_model_with_response_stream(modelId=MODEL, body=CLAUDE)["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    message_id = events[0]["message"].pop("id")
    assert message_id.startswith("msg_bdrk_")
    assert events == [
        {
            "type": "message_start",
            "message": {
                "model": MODEL,
                "type": "message",
                "role": "assistant",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {"input_tokens": 2, "output_tokens": 1},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello! "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "You "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "said: "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 4},
        },
        {
            "type": "message_stop",
            "amazon-bedrock-invocationMetrics": {
                "inputTokenCount": 2,
                "outputTokenCount": 4,
                "invocationLatency": 42,
                "firstByteLatency": 7,
            },
        },
    ]


def test_tokens_are_counted(bedrock: Any) -> None:
    assert bedrock.count_tokens(modelId=MODEL, input={"converse": {"messages": ask("one two")}})["inputTokens"] == 3
    assert bedrock.count_tokens(modelId=MODEL, input={"invokeModel": {"body": CLAUDE}})["inputTokens"] == 2


def test_a_wrong_secret_is_refused(new_client: Callable[..., Any]) -> None:
    client = new_client(aws_secret_access_key="canary-wrong")
    assert code_of(client.converse) == "InvalidSignatureException"


def test_an_unknown_key_is_refused(new_client: Callable[..., Any]) -> None:
    assert code_of(new_client(aws_access_key_id="AKIAUNKNOWN").converse) == "UnrecognizedClientException"


def test_an_unknown_session_token_is_refused(new_client: Callable[..., Any]) -> None:
    assert code_of(new_client(aws_session_token="canary").converse) == "UnrecognizedClientException"


def test_another_region_is_refused(new_client: Callable[..., Any]) -> None:
    assert code_of(new_client(region_name="eu-west-1").converse) == "InvalidSignatureException"


@pytest.mark.parametrize(
    "change",
    [
        lambda request: setattr(request, "body", request.body.replace(b"Hi", b"Ho")),
        lambda request: setattr(request, "url", request.url.replace("haiku", "opus")),
        lambda request: request.headers.update({"X-Amz-Date": "20260131T120000Z"}),
    ],
    ids=["body", "path", "date"],
)
def test_a_change_after_signing_is_refused(new_client: Callable[..., Any], change: Callable[[Any], None]) -> None:
    client = new_client()
    client.meta.events.register("before-send.bedrock-runtime", lambda request, **_: change(request))
    assert code_of(client.converse) == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("throttling", "ThrottlingException", 429),
        ("validation", "ValidationException", 400),
        ("access-denied", "AccessDeniedException", 403),
        ("not-found", "ResourceNotFoundException", 404),
        ("timeout", "ModelTimeoutException", 408),
        ("model-error", "ModelErrorException", 424),
        ("internal", "InternalServerException", 500),
        ("unavailable", "ServiceUnavailableException", 503),
        ("not-ready", "ModelNotReadyException", 429),
    ],
)
def test_boto3_knows_the_errors_by_their_names(bedrock: Any, fault: str, code: str, status: int) -> None:
    with pytest.raises(getattr(bedrock.exceptions, code)) as caught:
        bedrock.converse(modelId=f"simulator.{fault}", messages=ask("Hi"))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_boto3_knows_an_exception_in_a_stream(bedrock: Any) -> None:
    stream = bedrock.converse_stream(modelId="simulator.stream-exception-1", messages=ask("Hi"))["stream"]
    events = iter(stream)
    assert next(events) == {"messageStart": {"role": "assistant"}}
    with pytest.raises(EventStreamError, match="The model failed while it was streaming"):
        next(events)


def test_a_body_of_ten_megabytes_is_taken(bedrock: Any) -> None:
    answer = bedrock.converse(modelId=MODEL, messages=ask("x" * 10_000_000))
    assert answer["usage"]["outputTokens"] == 4


def test_the_log_of_requests_shows_no_secret(bedrock: Any, simulator: RunningSimulator) -> None:
    request_id = bedrock.converse(modelId=MODEL, messages=ask("Hi"))["ResponseMetadata"]["RequestId"]
    (report,) = [request for request in simulator.requests() if request["id"] == request_id]
    authorization = dict(report["headers"])["authorization"]
    date = dict(report["headers"])["x-amz-date"][:8]
    assert authorization == (
        f"AWS4-HMAC-SHA256 {date}/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date"
    )
