"""Reranking through the whole gateway, on both models and both paths."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from aigw_extproc.simulator.rerank import relevance
from tests.gateway.conftest import NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.simulator.running import RunningSimulator

DOCUMENTS = ["a dog barks", "a cat purrs", "a cat barks"]
QUERY = "cat purrs"


@pytest.fixture(scope="module")
def gateway(simulator: RunningSimulator, start_gateway: NewGateway) -> Iterator[Gateway]:
    documents = (route("rerank", rule(ref(), model=r"~.*")), *backend("bedrock", simulator.port))
    running = start_gateway(*documents, simulator=simulator)
    yield running
    running.wait_until_idle()
    assert running.processor.metric("aigw_defects_total") == 0


@pytest.mark.parametrize("path", ["/v1/rerank", "/cohere/v2/rerank"])
@pytest.mark.parametrize("model", ["amazon.rerank-v1:0", "cohere.rerank-v3-5:0"])
def test_the_most_relevant_comes_first(gateway: Gateway, model: str, path: str) -> None:
    response = gateway.client.post(path, json={"model": model, "query": QUERY, "documents": DOCUMENTS, "top_n": 2})
    assert response.json() == {
        "id": response.headers["x-amzn-requestid"],
        "model": model,
        "results": [
            {"index": 1, "relevance_score": relevance(QUERY, DOCUMENTS[1])},
            {"index": 2, "relevance_score": relevance(QUERY, DOCUMENTS[2])},
        ],
        "usage": {"prompt_tokens": 11, "total_tokens": 11},
    }


def test_coheres_model_is_told_its_version(gateway: Gateway) -> None:
    body = {"model": "cohere.rerank-v3-5:0", "query": QUERY, "documents": DOCUMENTS}
    sent = json.loads(gateway.received(gateway.client.post("/v1/rerank", json=body))["body"])
    assert sent == {"query": QUERY, "documents": DOCUMENTS, "api_version": 2}


def test_a_model_that_does_not_rank(gateway: Gateway) -> None:
    body = {"model": "amazon.nova-micro-v1:0", "query": QUERY, "documents": DOCUMENTS}
    response = gateway.client.post("/v1/rerank", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, "model")


def test_an_error_of_bedrocks(gateway: Gateway) -> None:
    body = {"model": "amazon.rerank-v2-unknown", "query": QUERY, "documents": DOCUMENTS}
    response = gateway.client.post("/v1/rerank", json=body)
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")
