"""Lookup of model families."""

from __future__ import annotations

import pytest

from aigw_extproc.simulator.model_families import ANY, FAMILIES, capabilities_of


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-5-haiku"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-sonnet-4-"),
        ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5"),
        ("global.anthropic.claude-opus-5", "anthropic.claude-opus-5"),
        ("jp.anthropic.claude-opus-5-5", "anthropic.claude-opus-5-5"),
        ("anthropic.claude-fable-5", "anthropic.claude-fable-5"),
        ("anthropic.claude-fable-5-v1", "anthropic.claude-fable-5"),
        ("anthropic.claude-fable-5-1", "anthropic.claude-fable-5-1"),
        ("in.moonshotai.kimi-k3", "moonshotai."),
        ("apac.amazon.nova-2-lite-v1:0", "amazon.nova-2"),
        ("zai.glm-5.3", "zai.glm-5.3"),
        ("arn:aws:bedrock:eu-west-1::foundation-model/meta.llama3-2-1b-instruct-v1:0", "meta.llama3-2-1b"),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.mistral.pixtral-large-2502-v1:0",
            "mistral.pixtral",
        ),
    ],
)
def test_the_longest_key_wins(model: str, key: str) -> None:
    assert capabilities_of(model) is FAMILIES[key]


@pytest.mark.parametrize(
    "model",
    [
        "",
        "simulator.slow-1",
        "someone.else-v1",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
        "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc123",
    ],
)
def test_other_models_are_unknown(model: str) -> None:
    assert capabilities_of(model) is ANY
