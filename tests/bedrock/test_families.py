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
