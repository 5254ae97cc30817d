"""What annotations of a backend change of the translation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway.conftest import NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway, error
from tests.simulator.running import RunningSimulator

# What is said here of families is wrong on purpose: it shows in what Bedrock gets.
FAMILIES = """
anthropic.claude-sonnet-4-5:
  structured_output: false
house.model:
  reasoning: field
  effort_field: [effort]
  efforts: [low, high]
"""
STRICT = {"aigw-extproc/dropped-parameters": "refuse", "aigw-extproc/model-families": FAMILIES}
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
SCHEMA = {"type": "json_schema", "json_schema": {"name": "w", "schema": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def settled(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    """`lenient` goes to a backend without annotations, everything else to one with them."""
    return start_gateway(
        route("any", rule(ref("lenient", to=SONNET), model="lenient"), rule(ref("strict"))),
        *backend("lenient", simulator.port),
        *backend("strict", simulator.port, annotations=STRICT),
    )


def sent(gateway: Gateway, **asked: Any) -> dict[str, Any]:
    response = gateway.chat(**asked)
    body: dict[str, Any] = json.loads(gateway.received(response)["body"])
    return body


@pytest.mark.parametrize("stream", [False, True])
def test_parameters_that_would_be_dropped_are_refused(settled: Gateway, stream: bool) -> None:
    before = settled.simulator.requests()
    response = settled.chat(SONNET, seed=1, temperature=1.5, stream=stream)
    message = "seed: cannot be passed on to this model as it is, nor can temperature"
    expected = error(message, "invalid_request_error", param="seed")
    assert (response.status_code, response.json()) == (400, expected)
    assert settled.simulator.requests() == before


def test_a_request_that_loses_nothing_is_served(settled: Gateway) -> None:
    response = settled.chat(SONNET, temperature=0.5, stop=["x"])
    assert (response.status_code, "x-aigw-dropped-params" in response.headers) == (200, False)


def test_another_backend_still_reports(settled: Gateway) -> None:
    response = settled.chat("lenient", seed=1)
    assert (response.status_code, response.headers["x-aigw-dropped-params"]) == (200, "seed")


def test_a_fact_about_a_family_can_be_put_right(settled: Gateway) -> None:
    asked = {"response_format": SCHEMA, "temperature": 0.5}
    assert sent(settled, model=SONNET, **asked).keys() == {"messages", "inferenceConfig", "toolConfig"}
    assert sent(settled, model="lenient", **asked).keys() == {"messages", "inferenceConfig", "outputConfig"}


def test_the_other_facts_of_the_family_stay(settled: Gateway) -> None:
    response = settled.chat(SONNET, temperature=0.5, top_p=0.5)
    assert response.json()["error"]["message"] == "top_p: cannot be passed on to this model as it is"


def test_a_family_of_ones_own(settled: Gateway) -> None:
    fields = sent(settled, model="house.model-1", reasoning_effort="high")["additionalModelRequestFields"]
    assert fields == {"effort": "high"}
    response = settled.chat("house.model-1", reasoning_effort="medium")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "reasoning_effort")
