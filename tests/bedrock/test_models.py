"""The models that can be invoked in a region, and Anthropic's names of them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from aigw_extproc.bedrock.families import base_model
from aigw_extproc.bedrock.models import (
    AnthropicNames,
    AvailableModel,
    FoundationModels,
    InferenceProfiles,
    builtin,
    listed,
    release_of,
)
from aigw_extproc.simulator import model_lists

OPUS = "anthropic.claude-opus-5-5"
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"


def foundation(*models: tuple[str, str]) -> FoundationModels:
    """Models by id and inference type."""
    lifecycle = {"status": "ACTIVE", "startOfLifeTime": "2025-09-29T00:00:00Z"}
    summaries = [
        {"modelId": id_, "modelName": id_.upper(), "inferenceTypesSupported": [kind], "modelLifecycle": lifecycle}
        for id_, kind in models
    ]
    return msgspec.json.decode(json.dumps({"modelSummaries": summaries}), type=FoundationModels)


def profiles(*ids: str) -> InferenceProfiles:
    summaries = [{"inferenceProfileId": id_, "inferenceProfileName": id_.title(), "status": "ACTIVE"} for id_ in ids]
    return msgspec.json.decode(json.dumps({"inferenceProfileSummaries": summaries}), type=InferenceProfiles)


def ids(models: Any) -> list[str]:
    return [model.id for model in models]


def test_a_models_nearest_profile_comes_first_and_its_own_id_only_where_it_can_be_invoked() -> None:
    models = foundation(("a.x", "INFERENCE_PROFILE"), ("a.y", "ON_DEMAND"), ("a.z", "PROVISIONED"))
    offered = profiles("global.a.y", "us.a.y", "global.a.x", "us.a.x", "us.b.other")
    found = listed(models, offered.inference_profile_summaries)
    assert ids(found) == ["us.a.x", "global.a.x", "us.a.y", "a.y", "global.a.y", "us.b.other"]


@pytest.fixture(scope="module")
def simulated() -> tuple[AvailableModel, ...]:
    """What the simulator's lists say."""
    found = msgspec.convert(model_lists.foundation_models({}), FoundationModels)
    summaries, token = [], "0"
    while token:
        page = model_lists.inference_profiles({"nextToken": token})
        summaries += msgspec.convert(page, InferenceProfiles).inference_profile_summaries
        token = page.get("nextToken", "")
    return listed(found, summaries)


def test_names_dates_and_lifecycle_are_bedrocks(simulated: tuple[AvailableModel, ...]) -> None:
    by_id = {model.id: model for model in simulated}
    assert by_id[f"us.{OPUS}"] == AvailableModel(id=f"us.{OPUS}", name="Claude Opus 5.5", released=1790035200)
    assert by_id[f"us.{OPUS}"].display_name == "Claude Opus 5.5 (US)"
    assert by_id[f"global.{OPUS}"].display_name == "Claude Opus 5.5 (Global)"
    assert by_id["openai.gpt-oss-20b-1:0"].display_name == "gpt-oss-20b"
    assert by_id["us.anthropic.claude-3-haiku-20240307-v1:0"].legacy
    assert OPUS not in by_id


@pytest.mark.parametrize(
    ("region", "first"),
    [
        ("us-east-1", f"us.{OPUS}"),
        ("eu-west-1", f"eu.{OPUS}"),
        ("ap-northeast-1", f"jp.{OPUS}"),
        ("ap-southeast-2", f"global.{OPUS}"),
        ("sa-east-1", f"global.{OPUS}"),
        ("", f"global.{OPUS}"),
        ("us-gov-west-1", f"us-gov.{SONNET}"),
    ],
)
def test_the_built_in_list_has_the_regions_own_prefixes(region: str, first: str) -> None:
    assert builtin(region)[0].id == first


def test_the_built_in_list_has_bare_ids_only_where_they_are_known_to_work() -> None:
    assert "amazon.nova-micro-v1:0" in ids(builtin("us-east-1"))
    assert not {"amazon.nova-micro-v1:0", OPUS} & set(ids(builtin("us-east-2")))


def test_the_built_in_list_knows_the_models_of_the_simulator(simulated: tuple[AvailableModel, ...]) -> None:
    released = {model.id: release_of(model.id) for model in simulated}
    missing = [id_ for id_, known in released.items() if known is None]
    assert missing == ["stability.stable-image-core-v1:1"]


def test_release_dates_are_those_of_the_foundation_model() -> None:
    arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-micro-v1:0"
    assert release_of(arn) == release_of("amazon.nova-micro-v1:0") == ("Nova Micro", 1733270400)
    assert release_of("me.own") is None


@pytest.fixture
def names() -> AnthropicNames:
    return AnthropicNames(builtin("us-east-1"))


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("claude-opus-5-5", f"us.{OPUS}"),
        ("claude-opus-5-5-20260922", f"us.{OPUS}"),
        ("claude-opus-5-5-latest", f"us.{OPUS}"),
        ("claude-opus-4-6", "us.anthropic.claude-opus-4-6-v1"),
        ("claude-sonnet-4-5", f"us.{SONNET}"),
        ("claude-sonnet-4-5-20250929", f"us.{SONNET}"),
        ("claude-sonnet-4-5-latest", f"us.{SONNET}"),
        ("claude-haiku-4-5", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
    ],
)
def test_anthropics_names_stand_for_the_regions_profile(names: AnthropicNames, name: str, id_: str) -> None:
    assert names.resolve(name) == id_


@pytest.mark.parametrize(
    "name", ["claude-sonnet-4-5-20990101", "claude-opus-9", f"us.{SONNET}", "gpt-5", "", "claude-opus-5-5-2026"]
)
def test_other_names_stay_as_they_are(names: AnthropicNames, name: str) -> None:
    assert names.resolve(name) == name


def test_new_models_are_known_by_the_pattern_of_their_ids() -> None:
    new = (
        AvailableModel(id="eu.anthropic.claude-epic-6-20270301-v2:0", name="Claude Epic 6", released=2),
        AvailableModel(id="global.anthropic.claude-epic-6-20270301-v2:0", name="Claude Epic 6", released=2),
        AvailableModel(id="eu.anthropic.claude-epic-6-20270101-v1:0", name="Claude Epic 6", released=1),
    )
    names = AnthropicNames(new)
    assert names.resolve("claude-epic-6") == names.resolve("claude-epic-6-20270301") == new[0].id
    assert names.resolve("claude-epic-6-20270101") == new[2].id
    assert {name: aliases for name, (_, aliases) in names.models.items()} == {
        "claude-epic-6-20270301": ("claude-epic-6", "claude-epic-6-latest"),
        "claude-epic-6-20270101": (),
    }


def test_names_of_older_models_that_follow_no_pattern() -> None:
    sonnet = AvailableModel(id="us.anthropic.claude-sonnet-4-20250514-v1:0", name="Claude Sonnet 4")
    assert AnthropicNames([sonnet]).resolve("claude-sonnet-4-0") == sonnet.id


def test_rows_of_the_table_are_ids_of_foundation_models() -> None:
    every = [model.id for region in ("us-east-1", "eu-west-1", "ap-southeast-2") for model in builtin(region)]
    assert all(base_model(base_model(id_)) == base_model(id_) for id_ in every)
