"""The counts of a response, and the model that answered."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from aigw_extproc.bedrock.converse import TokenUsage
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
    assert translate_usage(TokenUsage(), Raw(json.dumps(trace).encode())).invoked_model == model
