"""Base model ids, and the table of facts about model families."""

from __future__ import annotations

import msgspec
import pytest

from aigw_extproc.bedrock.converse import encode_model_id
from aigw_extproc.bedrock.families import Families, Family, base_model, builtin, family_of


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
def test_base_model_id(model: str, base: str) -> None:
    assert base_model(model) == base


def test_row_with_longer_name_adds_to_shorter_ones_and_overrides_them() -> None:
    table = Families({}).overridden(
        {"a.": {"sampling": "none", "prefill": False}, "a.b": {"prefill": True, "efforts": ["low"]}, "c.": {}}
    )
    assert table.of("us.a.b-v1:0") == Family(sampling="none", prefill=True, efforts=("low",))
    assert table.of("a.c") == Family(sampling="none", prefill=False)
    assert [name for name, _ in table.applying("eu.a.b")] == ["a.", "a.b"]


def test_override_is_merged_with_the_row_of_the_same_name() -> None:
    table = Families({}).overridden({"a.": {"prefill": False}}).overridden({"a.": {"sampling": "none"}, "b.": {}})
    assert table.of("a.x") == Family(sampling="none", prefill=False)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"prefil": True}, "Object contains unknown field `prefil` - at `$[...]`"),
        ({"sampling": "some"}, "Invalid enum value 'some' - at `$[...].sampling`"),
    ],
)
def test_unknown_facts_and_values_are_rejected(facts: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        builtin().overridden({"a.": facts})
    assert str(caught.value) == message


def test_models_are_looked_up_when_the_cache_is_full() -> None:
    table = Families({}).overridden({"a.": {"prefill": False}})
    assert all(table.of(f"a.{number}") == Family(prefill=False) for number in range(Families.MAX_CACHED + 10))
    assert len(table._cache) == Families.MAX_CACHED


def test_unknown_model_gets_the_defaults() -> None:
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
def test_model_id_is_one_path_segment(model: str, segment: str) -> None:
    assert encode_model_id(model) == segment


MODELS = {
    "amazon": [
        "nova-2-lite",
        "nova-2-multimodal-embeddings",
        "nova-2-sonic",
        "nova-canvas",
        "nova-lite",
        "nova-micro",
        "nova-premier",
        "nova-pro",
        "nova-sonic",
        "rerank-v1",
        "titan-embed-image",
        "titan-embed-text",
        "titan-image-generator-v2",
        "titan-text-express",
        "titan-text-lite",
    ],
    "anthropic": [
        "claude-3-5-haiku",
        "claude-3-5-sonnet",
        "claude-3-7-sonnet",
        "claude-3-haiku",
        "claude-3-opus",
        "claude-3-sonnet",
        "claude-fable-5",
        "claude-fable-5-1",
        "claude-fable-5-2",
        "claude-haiku-4-5",
        "claude-haiku-5-5",
        "claude-mythos-5-2",
        "claude-opus-4",
        "claude-opus-4-1",
        "claude-opus-4-5",
        "claude-opus-4-6",
        "claude-opus-4-7",
        "claude-opus-4-8",
        "claude-opus-5",
        "claude-opus-5-5",
        "claude-sonnet-4",
        "claude-sonnet-4-5",
        "claude-sonnet-4-6",
        "claude-sonnet-5",
        "claude-sonnet-5-5",
    ],
    "cohere": ["embed-english-v3", "embed-multilingual-v3", "embed-v4", "rerank-v3-5"],
    "deepseek": ["r1"],
    "google": ["gemma-3-12b-it", "gemma-3-27b-it", "gemma-3-4b-it"],
    "meta": [
        "llama3-1-70b-instruct",
        "llama3-1-8b-instruct",
        "llama3-2-11b-instruct",
        "llama3-2-1b-instruct",
        "llama3-2-3b-instruct",
        "llama3-2-90b-instruct",
        "llama3-3-70b-instruct",
        "llama3-70b-instruct",
        "llama3-8b-instruct",
        "llama4-maverick-17b-instruct",
        "llama4-scout-17b-instruct",
    ],
    "minimax": ["minimax-m2"],
    "mistral": [
        "devstral-2-123b",
        "magistral-small-2509",
        "ministral-3-14b-instruct",
        "ministral-3-3b-instruct",
        "ministral-3-8b-instruct",
        "mistral-7b-instruct",
        "mistral-large-2402",
        "mistral-large-3-675b-instruct",
        "mistral-small-2402",
        "mixtral-8x7b-instruct",
        "pixtral-large-2502",
        "voxtral-mini-3b-2507",
        "voxtral-small-24b-2507",
    ],
    "moonshot": ["kimi-k2-thinking"],
    "moonshotai": ["kimi-k3", "kimi-k3.1"],
    "nvidia": ["nemotron-nano-3-30b", "nemotron-nano-9b", "nemotron-super-3-120b"],
    "openai": [
        "gpt-5.4",
        "gpt-5.5",
        "gpt-5.6-luna",
        "gpt-5.6-sol",
        "gpt-5.6-terra",
        "gpt-6-astra",
        "gpt-6-luna",
        "gpt-6-sol",
        "gpt-6.1-sol",
        "gpt-6.1-terra",
        "gpt-oss-120b-1",
        "gpt-oss-20b-1",
    ],
    "qwen": ["qwen3-32b", "qwen3-coder-30b-a3b", "qwen3-coder-480b-a35b", "qwen3-vl-235b-a22b"],
    "stability": ["sd3-5-large", "stable-image-core", "stable-image-ultra"],
    "twelvelabs": ["marengo-embed-2-7", "pegasus-1-2"],
    "writer": ["palmyra-x4", "palmyra-x5"],
    "xai": ["grok-4.3", "grok-4.6"],
    "zai": ["glm-5.3"],
}
"""Models of Bedrock by provider, from price lists and AWS's documentation."""


@pytest.mark.parametrize("model", [f"{provider}.{name}" for provider, names in MODELS.items() for name in names])
def test_every_model_of_bedrock_has_a_row(model: str) -> None:
    assert builtin().applying(model)
