"""The counts of a response, and the model that answered."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from aigw_extproc.bedrock.converse import ConverseMetrics, ConverseResponse, TokenUsage
from aigw_extproc.bedrock.converse_stream import Metadata
from aigw_extproc.translate.converse.response import translate_usage

ROUTED = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"


@pytest.mark.parametrize(
    ("trace", "model"),
    [
        ({"promptRouter": {"invokedModelId": ROUTED}}, "us.amazon.nova-lite-v1:0"),
        ({"promptRouter": {"invokedModelId": "amazon.nova-lite-v1:0"}}, "amazon.nova-lite-v1:0"),
        ({"promptRouter": {"invokedModelId": 1}}, ""),
        ({"guardrail": {}}, ""),
    ],
)
def test_the_model_that_a_router_chose_is_counted(trace: object, model: str) -> None:
    response = ConverseResponse(usage=TokenUsage(), trace=Raw(json.dumps(trace).encode()))
    assert translate_usage(response).invoked_model == model


@pytest.mark.parametrize("usage", [None, TokenUsage(input_tokens=1)])
def test_the_latency_is_counted_with_and_without_tokens(usage: TokenUsage | None) -> None:
    metrics = ConverseMetrics(latency_ms=250)
    assert translate_usage(ConverseResponse(usage=usage, metrics=metrics)).latency_ms == 250
    assert translate_usage(Metadata(usage=usage, metrics=metrics)).latency_ms == 250
    assert translate_usage(Metadata(usage=usage)).latency_ms is None
