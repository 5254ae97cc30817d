"""The API's description on the operator's port, tried against the gateway that it describes."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from aigw_extproc.openapi.description import GET, POST
from tests.gateway.conftest import NOVA
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway, question, running_gateway
from tests.simulator.running import RunningSimulator

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
MESSAGE = {**question(CLAUDE), "max_tokens": 50}
COUNTED = question(CLAUDE)
RERANK = {"model": "cohere.rerank-v3-5:0", "query": "a fruit", "documents": ["an apple", "a car"]}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": question(NOVA),
    "/v1/responses": {"model": NOVA, "input": "Hello!"},
    "/v1/responses/input_tokens": {"model": CLAUDE, "input": "Hello!"},
    "/v1/messages": MESSAGE,
    "/v1/messages/count_tokens": COUNTED,
    "/anthropic/v1/messages": MESSAGE,
    "/anthropic/v1/messages/count_tokens": COUNTED,
    "/v1/completions": {"model": NOVA, "prompt": "Once"},
    "/v1/embeddings": {"model": "amazon.titan-embed-text-v2:0", "input": "two words"},
    "/v1/images/generations": {"model": "stability.stable-image-core-v1:1", "prompt": "A cat"},
    "/v1/rerank": RERANK,
    "/cohere/v2/rerank": RERANK,
    "/tokenize": {"model": CLAUDE, "prompt": "Hello!"},
}


@pytest.fixture(scope="module")
def gateway(simulator: RunningSimulator) -> Iterator[Gateway]:
    documents = (route("all", rule(ref(), model=NOVA), rule(ref(), model="~.*")), *backend("bedrock", simulator.port))
    with (
        tempfile.TemporaryDirectory(prefix="aigw-") as folder,
        running_gateway(documents, simulator=simulator, folder=Path(folder)) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def description(gateway: Gateway) -> dict[str, Any]:
    response = gateway.processor.admin.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    found: dict[str, Any] = response.raise_for_status().json()
    return found


def faults(description: dict[str, Any], path: str, response: httpx.Response) -> list[str]:
    """Return where a response differs from the description."""
    found = description["paths"][path][response.request.method.lower()]["responses"]
    status = str(response.status_code)
    schema = found.get(status, found.get(f"{status[0]}XX"))["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": description["components"]})
    return [fault.message for fault in validator.iter_errors(response.json())]


@pytest.mark.parametrize("path", POST)
def test_a_request_is_answered_as_described(gateway: Gateway, description: dict[str, Any], path: str) -> None:
    response = gateway.client.post(path, json=BODIES[path])
    assert (response.status_code, faults(description, path, response)) == (200, [])


@pytest.mark.parametrize("path", POST)
def test_an_error_is_as_described(gateway: Gateway, description: dict[str, Any], path: str) -> None:
    response = gateway.client.post(path, json={"model": 1})
    assert (response.status_code, faults(description, path, response)) == (400, [])


@pytest.mark.parametrize("path", [path for path in GET if "models" in path])
def test_the_lists_of_models_are_as_described(gateway: Gateway, description: dict[str, Any], path: str) -> None:
    response = gateway.client.get(re.sub(r"\{id\}", NOVA, path))
    assert (response.status_code, faults(description, path, response)) == (200, [])
