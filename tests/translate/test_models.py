"""Lists of models and single models, at the paths of both APIs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw_extproc.config.snapshot import RoutedModel
from aigw_extproc.errors import ModelNotFound
from aigw_extproc.translate.clients.models import model_list_at

NOVA = RoutedModel(id="us.amazon.nova-micro-v1:0", created=1733184000, owned_by="Amazon")
ARN = RoutedModel(id="arn:aws:bedrock:us-east-1:1:inference-profile/x", created=0, owned_by="me")
OPENAI_NOVA = {"id": NOVA.id, "object": "model", "created": 1733184000, "owned_by": "Amazon"}
ANTHROPIC_NOVA = {
    "type": "model",
    "id": NOVA.id,
    "display_name": NOVA.id,
    "created_at": "2024-12-03T00:00:00Z",
    "lifecycle": "active",
}


def get(path: str) -> Any:
    models = model_list_at(path)
    assert models is not None
    return json.loads(models.render([ARN, NOVA], path))


def test_anthropics_list_is_one_page() -> None:
    page = get("/anthropic/v1/models")
    assert page["data"][1] == ANTHROPIC_NOVA
    assert (page["has_more"], page["first_id"], page["last_id"]) == (False, ARN.id, NOVA.id)


@pytest.mark.parametrize(
    ("list_path", "expected"), [("/v1/models", OPENAI_NOVA), ("/anthropic/v1/models", ANTHROPIC_NOVA)]
)
@pytest.mark.parametrize("model", ["us.amazon.nova-micro-v1:0", "us.amazon.nova-micro-v1%3A0"])
def test_model_by_id_percent_encoded_or_not(list_path: str, model: str, expected: dict[str, Any]) -> None:
    assert get(f"{list_path}/{model}") == expected


def test_model_id_may_contain_slashes() -> None:
    assert get(f"/v1/models/{ARN.id}")["id"] == ARN.id


@pytest.mark.parametrize("list_path", ["/v1/models", "/anthropic/v1/models"])
def test_unknown_model(list_path: str) -> None:
    with pytest.raises(ModelNotFound) as raised:
        get(f"{list_path}/gpt%2F4")
    assert raised.value.message == "the model 'gpt/4' is not configured in this gateway"
    assert raised.value.param == "model"
