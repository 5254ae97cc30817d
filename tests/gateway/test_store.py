"""Stored responses through the whole gateway, with OpenAI's own SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.gateway.conftest import NOVA, SDK_OPTIONS, NewGateway
from tests.gateway.resources import Document, backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.gateway.test_responses import both_ways, tool
from tests.simulator.running import RunningSimulator
from tests.store.running import needs_redis, running_redis


@pytest.fixture(scope="module", params=["file", pytest.param("redis", marks=needs_redis)])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "file":
        yield str(tmp_path_factory.mktemp("store") / "responses.sqlite")
    else:
        with running_redis() as url:
            yield url


@pytest.fixture(scope="module")
def documents(simulator: RunningSimulator) -> tuple[Document, ...]:
    return (route("r", rule(ref(), model=NOVA)), *backend("bedrock", simulator.port))


@pytest.fixture(scope="module")
def keeping(start_gateway: NewGateway, documents: tuple[Document, ...], store: str) -> Gateway:
    """A gateway of two workers that keeps responses."""
    return start_gateway(*documents, environment={"AIGW_STORE": store}, workers=2)


def client_of(gateway: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", **SDK_OPTIONS)


def texts(simulator: RunningSimulator) -> list[str]:
    """The texts of the last conversation that the simulator has got."""
    messages = json.loads(simulator.requests()[-1]["body"])["messages"]
    return [block["text"] for message in messages for block in message["content"] if "text" in block]


@both_ways
def test_conversations_go_on_by_the_id_of_a_response(keeping: Gateway, simulator: RunningSimulator, ask: Any) -> None:
    client, previous, expected = client_of(keeping), None, []
    for number in range(6):  # on both workers
        extra = {} if previous is None else {"previous_response_id": previous}
        response = ask(client, model=NOVA, input=f"Question {number}", **extra)
        expected.append(f"Question {number}")
        assert texts(simulator) == expected
        expected.append(response.output_text)
        previous = response.id


@both_ways
def test_a_tool_loop_goes_on_by_the_id_of_a_response(keeping: Gateway, ask: Any) -> None:
    client, asked = client_of(keeping), {"model": NOVA, "tools": [tool("get_time")]}
    first = ask(client, input="Use get_time", **asked)
    (call,) = [item for item in first.output if item.type == "function_call"]
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "noon"}
    second = ask(client, input=[output], previous_response_id=first.id, **asked)
    assert second.output_text == "The tools answered: noon"


def test_items_are_referred_to(keeping: Gateway, simulator: RunningSimulator) -> None:
    client = client_of(keeping)
    first = client.responses.create(model=NOVA, input="Hi")
    reference: Any = {"type": "item_reference", "id": first.output[0].id}
    user: Any = {"role": "user", "content": "Hi"}
    client.responses.create(model=NOVA, input=[user, reference, {"role": "user", "content": "And?"}])
    assert texts(simulator) == ["Hi", first.output_text, "And?"]


def test_responses_are_retrieved_and_deleted(keeping: Gateway) -> None:
    client = client_of(keeping)
    response = client.responses.create(model=NOVA, input="Hi")
    for _ in range(4):
        assert client.responses.retrieve(response.id).output == response.output
    client.responses.delete(response.id)
    for _ in range(4):
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(response.id)


def test_nothing_is_lost_when_the_processor_is_killed(
    new_gateway: NewGateway, documents: tuple[Document, ...], store: str
) -> None:
    first = new_gateway(*documents, environment={"AIGW_STORE": store})
    kept = [client_of(first).responses.create(model=NOVA, input=f"Question {number}") for number in range(20)]
    first.processor.process.kill()
    second = client_of(new_gateway(*documents, environment={"AIGW_STORE": store}))
    assert [second.responses.retrieve(response.id).output for response in kept] == [each.output for each in kept]


@needs_redis
def test_two_gateways_share_one_redis(new_gateway: NewGateway, documents: tuple[Document, ...]) -> None:
    with running_redis() as url:
        first, second = (client_of(new_gateway(*documents, environment={"AIGW_STORE": url})) for _ in range(2))
        response = first.responses.create(model=NOVA, input="Hi")
        assert second.responses.retrieve(response.id).output == response.output
        again = second.responses.create(model=NOVA, input="And?", previous_response_id=response.id)
        assert first.responses.retrieve(again.id).previous_response_id == response.id


def test_a_redis_that_has_gone_stops_no_request_that_does_not_need_it(
    new_gateway: NewGateway, documents: tuple[Document, ...]
) -> None:
    gateway = new_gateway(*documents, environment={"AIGW_STORE": "unix:///nowhere.sock?password=canary"})
    client = client_of(gateway)
    response = client.responses.create(model=NOVA, input="Hi")
    with pytest.raises(openai.InternalServerError) as raised:
        client.responses.retrieve(response.id)
    assert (raised.value.status_code, raised.value.code) == (503, "store_unavailable")
    assert "canary" not in gateway.processor.log.read_text()
