"""Lists of models, through Envoy, with the SDKs as clients; and Anthropic's own names."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx
import openai
import pytest

from aigw_extproc.simulator.model_lists import MODELS
from tests.envoy_config.running import wait_for
from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.simulator.running import RunningSimulator

NAMES = {"aigw-extproc/anthropic-names": "true"}
NEWEST = "stability.stable-image-core-v1:1"  # of the simulator's list, not of the built-in one
OPUS = "us.anthropic.claude-opus-5-5"


@pytest.fixture(scope="module")
def anything(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    """A gateway for any model, which has fetched the simulator's list."""
    gateway = start_gateway(
        route("any", rule(ref("messages"), model="~claude-.*"), rule(ref())),
        *backend("bedrock", simulator.port),
        *backend("messages", simulator.port, schema={"name": "AWSAnthropic"}, annotations=NAMES),
    )
    wait_for(lambda: NEWEST in listed(gateway) or None, what="the simulator's list")
    return gateway


def listed(gateway: Gateway, **headers: str) -> list[str]:
    response = gateway.client.get("/v1/models", headers=headers).raise_for_status()
    return [model["id"] for model in response.json()["data"]]


def test_openais_client_lists_what_the_account_offers(anything: Gateway) -> None:
    with openai.OpenAI(base_url=f"{anything.url}/v1", **SDK_OPTIONS) as client:
        models = {model.id: model for model in client.models.list()}
        one = client.models.retrieve("us.amazon.nova-micro-v1:0")
    offered = {f"{prefix}.{model.id}" for model in MODELS for prefix in model.profiles}
    names = {name for name in models if name.startswith("claude-")}
    assert models.keys() - names == offered | {model.id for model in MODELS if model.on_demand}
    assert {"claude-opus-5-5", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"} <= names
    assert one == models[one.id]
    assert (one.created, one.owned_by) == (1733270400, "Envoy AI Gateway")


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_anthropics_client_lists_page_by_page(anything: Gateway, limit: int) -> None:
    with anthropic.Anthropic(base_url=anything.url, **SDK_OPTIONS) as client:
        models = list(client.models.list(limit=limit))
        back = client.models.list(limit=2, before_id=models[3].id)
        one = client.models.retrieve("claude-sonnet-4-5")
    assert [model.id for model in models] == listed(anything)
    assert ([model.id for model in back.data], back.has_more) == ([model.id for model in models[1:3]], True)
    assert (one.id, one.display_name) == ("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5")
    assert (one.created_at.isoformat(), one.lifecycle) == ("2025-09-29T00:00:00+00:00", "active")


def test_anthropics_client_gets_its_own_errors(anything: Gateway) -> None:
    with anthropic.Anthropic(base_url=anything.url, **SDK_OPTIONS) as client:
        with pytest.raises(anthropic.NotFoundError) as unknown:
            client.models.retrieve("gpt-4")
        with pytest.raises(anthropic.BadRequestError) as faulty:
            client.models.list(limit=5000)
    assert unknown.value.body["error"] == {  # type: ignore[index]
        "type": "not_found_error",
        "message": "the model 'gpt-4' is not configured in this gateway",
    }
    assert faulty.value.body["error"]["message"] == "limit: Expected `int` <= 1000"  # type: ignore[index]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/us.amazon.nova-micro-v1:0", "/anthropic/v1/models?limit=1"])
def test_head_has_the_headers_of_get(anything: Gateway, path: str) -> None:
    whole, head = anything.client.get(path), anything.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))
    assert head.headers["content-type"] == "application/json"


def test_head_of_a_model_that_does_not_exist(anything: Gateway) -> None:
    assert anything.client.head("/v1/models/gpt-4").status_code == 404


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("claude-opus-5-5", OPUS),
        ("claude-opus-5-5-20260922", OPUS),
        ("claude-haiku-4-5", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("claude-sonnet-4-5-20250929", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ],
)
def test_anthropics_names_reach_the_inference_profile_of_the_region(anything: Gateway, name: str, id_: str) -> None:
    body: Any = {"model": name, "max_tokens": 20, "messages": [{"role": "user", "content": "Hi"}]}
    response = anything.client.post("/v1/messages", json=body).raise_for_status()
    assert response.json()["content"] == [{"type": "text", "text": "Hello! You said: Hi"}]
    assert anything.received(response)["path"] == f"/model/{id_.replace(':', '%3A')}/invoke"
    entry = anything.envoy.access_log(response.headers["x-request-id"])
    assert entry["model"] == name


def test_a_name_that_bedrock_has_no_model_for_is_left_to_bedrock(anything: Gateway) -> None:
    body: Any = {"model": "claude-9", "max_tokens": 20, "messages": [{"role": "user", "content": "Hi"}]}
    response = anything.client.post("/v1/messages", json=body)
    assert anything.received(response)["path"] == "/model/claude-9/invoke"


def test_without_permission_the_built_in_list_is_served(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    gateway = new_gateway(route("any", rule(ref())), *backend("bedrock", simulator.port, secret="wrong"))
    why = "list of models not fetched, the built-in one is used upstream=default/bedrock"
    wait_for(lambda: why in gateway.processor.log.read_text() or None, what="a line in the log", seconds=20)
    assert "us.amazon.nova-micro-v1:0" in listed(gateway)
    assert NEWEST not in listed(gateway)
    assert gateway.processor.log.read_text().count(why) == 1
    with httpx.Client(base_url=gateway.url) as client:
        assert client.get("/v1/models/us.anthropic.claude-opus-5-5").status_code == 200
