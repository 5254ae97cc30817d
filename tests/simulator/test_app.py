"""Operations and endpoints as a boto3 client and a browser meet them."""

from __future__ import annotations

from typing import Any

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


def test_the_log_of_requests_shows_no_secret(bedrock: Any, simulator: RunningSimulator) -> None:
    request_id = bedrock.converse(modelId=MODEL, messages=ask("Hi"))["ResponseMetadata"]["RequestId"]
    (report,) = [request for request in simulator.requests() if request["id"] == request_id]
    authorization = dict(report["headers"])["authorization"]
    date = dict(report["headers"])["x-amz-date"][:8]
    assert authorization == (
        f"AWS4-HMAC-SHA256 {date}/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date"
    )
