"""What requests cost, as Envoy's access log shows it: the simulator has counted the same tokens."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.conftest import NOVA, NewGateway
from tests.gateway.resources import Document, backend, ref, route, rule
from tests.gateway.running import Gateway, events
from tests.simulator.running import RunningSimulator

COSTS = [
    {"metadataKey": "input", "type": "InputToken"},
    {"metadataKey": "total", "type": "TotalToken"},
    {"metadataKey": "weighted", "type": "CEL", "cel": "input_tokens + 10u * output_tokens"},
    {"metadataKey": "fails", "type": "CEL", "cel": "output_tokens == 0u ? 0u : cached_input_tokens - output_tokens"},
]


def with_costs(document: Document) -> Document:
    document["spec"]["llmRequestCosts"] = COSTS
    return document


@pytest.fixture(scope="module")
def costly(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    return start_gateway(
        with_costs(route("a", rule(ref(to=NOVA), model="nova"))),
        *backend("bedrock", simulator.port),
    )


def logged(gateway: Gateway, response: Any) -> dict[str, Any]:
    return gateway.envoy.access_log(response.headers["x-request-id"])


@pytest.mark.parametrize("stream", [False, True])
def test_chat(costly: Gateway, stream: bool) -> None:
    response = costly.chat("nova", stream=stream, **({"stream_options": {"include_usage": True}} if stream else {}))
    usage = events(response.text)[-2]["usage"] if stream else response.json()["usage"]
    line = logged(costly, response)
    print(line)
    assert (line["input_tokens"], line["output_tokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])
