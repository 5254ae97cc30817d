"""Lists of models and single models, at the paths of both APIs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw_extproc.config.snapshot import RoutedModel
from aigw_extproc.errors import InvalidRequest, ModelNotFound
from aigw_extproc.translate.clients.models import model_list_at

NOVA = RoutedModel(id="us.amazon.nova-micro-v1:0", created=1733184000, owned_by="Amazon", name="Nova Micro (US)")
ARN = RoutedModel(id="arn:aws:bedrock:us-east-1:1:inference-profile/x", created=0, owned_by="me")
HAIKU = RoutedModel(id="claude-3-haiku-20240307", created=1, owned_by="a", legacy=True, aliases=("claude-3-haiku",))
OPENAI_NOVA = {"id": NOVA.id, "object": "model", "created": 1733184000, "owned_by": "Amazon"}
ANTHROPIC_NOVA = {
    "type": "model",
    "id": NOVA.id,
    "display_name": "Nova Micro (US)",
    "created_at": "2024-12-03T00:00:00Z",
    "lifecycle": "active",
}
CLAUDE_CODE = {"anthropic-version": "2023-06-01"}


def get(path: str, headers: dict[str, str] | None = None) -> Any:
    models = model_list_at(path.partition("?")[0], headers or {})
    assert models is not None
    return json.loads(models.respond((ARN, NOVA, HAIKU), path))


def ids(page: Any) -> tuple[list[str], bool]:
    found = [model["id"] for model in page["data"]]
    assert (page["first_id"], page["last_id"]) == ((found[0], found[-1]) if found else (None, None))
    return found, page["has_more"]


@pytest.mark.parametrize(("path", "headers"), [("/anthropic/v1/models", {}), ("/v1/models", CLAUDE_CODE)])
def test_anthropics_list_is_for_its_path_and_its_clients(path: str, headers: dict[str, str]) -> None:
    page = get(path, headers)
    assert page["data"][1] == ANTHROPIC_NOVA
    assert (page["data"][0]["created_at"], page["data"][0]["display_name"]) == ("1970-01-01T00:00:00Z", ARN.id)
    assert page["data"][2]["lifecycle"] == "deprecated"
    assert ids(page) == ([ARN.id, NOVA.id, HAIKU.id], False)


def test_openais_list_is_for_all_others() -> None:
    assert get("/v1/models?limit=1")["data"][1] == OPENAI_NOVA


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=1000", ([ARN.id, NOVA.id, HAIKU.id], False)),
        ("limit=1", ([ARN.id], True)),
        (f"limit=1&after_id={ARN.id}", ([NOVA.id], True)),
        (f"after_id={NOVA.id}", ([HAIKU.id], False)),
        (f"after_id={HAIKU.id}", ([], False)),
        (f"limit=1&before_id={HAIKU.id}", ([NOVA.id], True)),
        (f"limit=2&before_id={HAIKU.id}", ([ARN.id, NOVA.id], False)),
        (f"before_id={ARN.id}", ([], False)),
        ("beta=true", ([ARN.id, NOVA.id, HAIKU.id], False)),
        ("lifecycle[]=active", ([ARN.id, NOVA.id], False)),
        ("lifecycle%5B%5D=deprecated&limit=1", ([HAIKU.id], False)),
        ("lifecycle=deprecated&lifecycle=retired", ([HAIKU.id], False)),
        ("lifecycle[]=retired", ([], False)),
    ],
)
def test_pages(query: str, expected: tuple[list[str], bool]) -> None:
    assert ids(get(f"/v1/models?{query}", CLAUDE_CODE)) == expected


@pytest.mark.parametrize(
    ("query", "param", "message"),
    [
        ("limit=0", "limit", "limit: Expected `int` >= 1"),
        ("limit=1001", "limit", "limit: Expected `int` <= 1000"),
        ("limit=many", "limit", "limit: Expected `int`, got `str`"),
        ("lifecycle[]=old", "lifecycle[0]", "lifecycle[0]: Invalid enum value 'old'"),
        ("after_id=x", "after_id", "after_id: there is no model 'x' in this list"),
        ("before_id=x", "before_id", "before_id: there is no model 'x' in this list"),
        ("after_id=x&before_id=y", "before_id", "before_id: cannot be given together with after_id"),
    ],
)
def test_faulty_pages(query: str, param: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        get(f"/anthropic/v1/models?{query}")
    assert (raised.value.param, raised.value.message) == (param, message)


@pytest.mark.parametrize(
    ("list_path", "expected"), [("/v1/models", OPENAI_NOVA), ("/anthropic/v1/models", ANTHROPIC_NOVA)]
)
@pytest.mark.parametrize("model", ["us.amazon.nova-micro-v1:0", "us.amazon.nova-micro-v1%3A0"])
def test_model_by_id_percent_encoded_or_not(list_path: str, model: str, expected: dict[str, Any]) -> None:
    assert get(f"{list_path}/{model}") == expected


def test_model_id_may_contain_slashes() -> None:
    assert get(f"/v1/models/{ARN.id}")["id"] == ARN.id


def test_a_model_is_found_by_its_other_names() -> None:
    assert get("/v1/models/claude-3-haiku", CLAUDE_CODE)["id"] == HAIKU.id


@pytest.mark.parametrize("list_path", ["/v1/models", "/anthropic/v1/models"])
def test_unknown_model(list_path: str) -> None:
    with pytest.raises(ModelNotFound) as raised:
        get(f"{list_path}/gpt%2F4")
    assert raised.value.message == "the model 'gpt/4' is not configured in this gateway"
    assert raised.value.param == "model"
