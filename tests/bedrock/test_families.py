"""Model ids, unwrapped, and what is known of their families."""

from __future__ import annotations

import pytest

from aigw_extproc.bedrock.converse import encode_model_id
from aigw_extproc.bedrock.families import Family, base_model, family_of


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0"),
        ("us.amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0"),
        ("us-gov.anthropic.claude-3", "anthropic.claude-3"),
        ("global.anthropic.claude-sonnet-4-5", "anthropic.claude-sonnet-4-5"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.meta.llama3", "meta.llama3"),
        ("arn:aws:bedrock:us-east-1::foundation-model/meta.llama3", "meta.llama3"),
        ("us.", ""),
    ],
)
def test_the_wrapping_comes_off(model: str, base: str) -> None:
    assert base_model(model) == base


def test_the_longest_prefix_wins() -> None:
    assert family_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0").prefix == "anthropic.claude-sonnet-4-5"
    assert family_of("anthropic.claude-3-haiku").prefix == "anthropic.claude-"


def test_a_model_that_nobody_listed_gets_the_defaults() -> None:
    assert family_of("brand.new-model") == Family()


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        ("a.b-c_d~e", "a.b-c_d~e"),
        ("x:0", "x%3A0"),
        ("arn:aws/x", "arn%3Aaws%2Fx"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("../../x?y#z%2e", "..%2F..%2Fx%3Fy%23z%252e"),
        ("ü ", "%C3%BC%20"),
    ],
)
def test_a_model_id_is_one_segment_of_the_path(model: str, segment: str) -> None:
    assert encode_model_id(model) == segment
