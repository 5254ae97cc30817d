"""Model ids, unwrapped, and what is known of their families."""

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
def test_the_wrapping_comes_off(model: str, base: str) -> None:
    assert base_model(model) == base


def test_a_longer_row_adds_to_a_shorter_one_and_overrides_it() -> None:
    table = Families({}).overridden(
        {"a.": {"sampling": "none", "prefill": False}, "a.b": {"prefill": True, "efforts": ["low"]}, "c.": {}}
    )
    assert table.of("us.a.b-v1:0") == Family(sampling="none", prefill=True, efforts=("low",))
    assert table.of("a.c") == Family(sampling="none", prefill=False)
    assert [name for name, _ in table.applying("eu.a.b")] == ["a.", "a.b"]


def test_an_override_adds_to_the_row_of_the_same_name() -> None:
    table = Families({}).overridden({"a.": {"prefill": False}}).overridden({"a.": {"sampling": "none"}, "b.": {}})
    assert table.of("a.x") == Family(sampling="none", prefill=False)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"prefil": True}, "Object contains unknown field `prefil` - at `$[...]`"),
        ({"sampling": "some"}, "Invalid enum value 'some' - at `$[...].sampling`"),
    ],
)
def test_a_fact_that_does_not_exist_is_refused(facts: dict[str, object], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        builtin().overridden({"a.": facts})
    assert str(caught.value) == message


def test_more_models_than_are_remembered_are_looked_up_all_the_same() -> None:
    table = Families({}).overridden({"a.": {"prefill": False}})
    assert all(table.of(f"a.{number}") == Family(prefill=False) for number in range(Families.MAX_REMEMBERED + 10))
    assert len(table._found) == Families.MAX_REMEMBERED


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
