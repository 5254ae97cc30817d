"""Anthropic's own SDK against the gateway."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.gateway.conftest import NOVA, SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.simulator.running import RunningSimulator

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
HELLO: Any = [{"role": "user", "content": "Hello!"}]
THOUGHT = "Let me think about Hello!."
USE_BOTH: Any = [{"role": "user", "content": "Use get_weather and get_time"}]
TOOLS: Any = [
    {
        "name": "get_weather",
        "description": "The weather.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
    {"name": "get_time", "input_schema": {"type": "object", "properties": {}}},
]
CALLS = [("get_weather", {"city": "example city"}), ("get_time", {})]
BUDGET: Any = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture(scope="module")
def invoking(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    """A gateway whose backend speaks Anthropic's own format."""
    schema = {"name": "AWSAnthropic", "version": "bedrock-2023-05-31"}
    return start_gateway(route("any", rule(ref())), *backend("bedrock", simulator.port, schema=schema))


@pytest.fixture(scope="module", params=["/anthropic", ""], ids=["anthropic", "root"])
def path(request: pytest.FixtureRequest) -> str:
    """Both of the places where messages are served."""
    return str(request.param)


@pytest.fixture(scope="module", params=["AWSBedrock", "AWSAnthropic"])
def served(request: pytest.FixtureRequest, gateway: Gateway, invoking: Gateway) -> Gateway:
    """A gateway for each of the schemas."""
    return gateway if request.param == "AWSBedrock" else invoking


@pytest.fixture(scope="module")
def claude(path: str, served: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=f"{served.url}{path}", **SDK_OPTIONS) as connected:
        yield connected


@pytest.fixture(scope="module")
def either(served: Gateway) -> Iterator[anthropic.Anthropic]:
    """On either of the schemas."""
    with anthropic.Anthropic(base_url=f"{served.url}/anthropic", **SDK_OPTIONS) as connected:
        yield connected


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    """On AWSBedrock."""
    with anthropic.Anthropic(base_url=f"{gateway.url}/anthropic", **SDK_OPTIONS) as connected:
        yield connected


def ask(client: anthropic.Anthropic, way: str, **asked: Any) -> dict[str, Any]:
    """The message, whole or as the SDK adds it up from a stream."""
    asked = {"model": CLAUDE, "max_tokens": 2000, "messages": HELLO, **asked}
    if way == "whole":
        return client.messages.create(**asked).to_dict()
    with client.messages.stream(**asked) as stream:
        return stream.get_final_message().to_dict()


both_ways = pytest.mark.parametrize("way", ["whole", "streamed"])


@both_ways
def test_a_message(claude: anthropic.Anthropic, way: str) -> None:
    message = ask(claude, way)
    usage = message["usage"]
    assert message["id"].startswith("msg_")
    assert (message["type"], message["role"], message["model"]) == ("message", "assistant", CLAUDE)
    assert message["content"] == [{"type": "text", "text": "Hello! You said: Hello!"}]
    assert (message["stop_reason"], message.get("stop_sequence")) == ("end_turn", None)
    assert (usage["input_tokens"] > 0, usage["output_tokens"]) == (True, 4)


def test_the_events_of_a_stream(either: anthropic.Anthropic) -> None:
    with either.messages.create(model=CLAUDE, max_tokens=2000, messages=HELLO, thinking=BUDGET, stream=True) as stream:
        told = [(event.type, getattr(event, "index", None)) for event in stream]
    types = list(dict.fromkeys(told))
    assert types == [
        ("message_start", None),
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
        ("message_delta", None),
        ("message_stop", None),
    ]


@both_ways
def test_a_stop_sequence_is_named(either: anthropic.Anthropic, way: str) -> None:
    message = ask(either, way, stop_sequences=["You"])
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "You")


@both_ways
def test_thinking_with_its_signature(either: anthropic.Anthropic, way: str) -> None:
    thought, said = ask(either, way, thinking=BUDGET)["content"]
    assert (thought["type"], thought["thinking"], len(thought["signature"])) == ("thinking", THOUGHT, 44)
    assert said["type"] == "text"


@both_ways
def test_a_hidden_thought_comes_back_as_it_went(either: anthropic.Anthropic, way: str) -> None:
    redact: Any = [{"role": "user", "content": "redact, and now use get_time"}]
    first = ask(either, way, messages=redact, thinking=BUDGET, tools=TOOLS)
    assert [block["type"] for block in first["content"]] == ["thinking", "redacted_thinking", "text", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": first["content"][-1]["id"], "content": "noon"}
    history = [*redact, {"role": "assistant", "content": first["content"]}, {"role": "user", "content": [result]}]
    second = ask(either, way, messages=history, thinking=BUDGET, tools=TOOLS)
    assert second["content"][-1] == {"type": "text", "text": "The tools answered: noon"}


@both_ways
@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_a_loop_of_tools_in_parallel(client: anthropic.Anthropic, way: str, model: str) -> None:
    first = ask(client, way, model=model, messages=USE_BOTH, tools=TOOLS)
    uses = [block for block in first["content"] if block["type"] == "tool_use"]
    assert first["stop_reason"] == "tool_use"
    assert [(use["name"], use["input"]) for use in uses] == [
        ("get_weather", {"city": "example city"}),
        ("get_time", {}),
    ]
    results = [
        {"type": "tool_result", "tool_use_id": uses[0]["id"], "content": [{"type": "text", "text": "sunny"}]},
        {"type": "tool_result", "tool_use_id": uses[1]["id"], "content": "broken clock", "is_error": True},
    ]
    history = [*USE_BOTH, {"role": "assistant", "content": first["content"]}, {"role": "user", "content": results}]
    second = ask(client, way, model=model, messages=history, tools=TOOLS)
    assert second["content"] == [{"type": "text", "text": "The tools answered: sunny; error: broken clock"}]


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_tokens_are_counted_by_the_foundation_model(client: anthropic.Anthropic, gateway: Gateway, model: str) -> None:
    raw = client.messages.with_raw_response.count_tokens(
        model=model, messages=HELLO, system="Be brief.", tools=TOOLS, thinking=BUDGET
    )
    assert raw.parse().input_tokens > 5
    assert gateway.received(raw.http_response)["path"].startswith(
        f"/model/{model[3:].replace(':', '%3A')}/count-tokens"
    )  # type: ignore[arg-type] # httpx's, under another name


def test_the_models_are_listed(client: anthropic.Anthropic) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert (listed[NOVA].type, listed[NOVA].created_at.isoformat()) == ("model", "2024-12-03T00:00:00+00:00")
    assert client.models.retrieve(NOVA) == listed[NOVA]


def test_tokens_are_counted_in_anthropics_format(invoking: Gateway) -> None:
    with anthropic.Anthropic(base_url=invoking.url, **SDK_OPTIONS) as client:
        raw = client.messages.with_raw_response.count_tokens(model=CLAUDE, messages=HELLO, tools=TOOLS, thinking=BUDGET)
    asked = json.loads(invoking.request(raw.headers["x-amzn-requestid"])["body"])
    counted = json.loads(base64.b64decode(asked["input"]["invokeModel"]["body"]))
    assert raw.parse().input_tokens > 5
    assert (counted["anthropic_version"], counted["max_tokens"]) == ("bedrock-2023-05-31", 1025)


def test_the_body_is_the_clients_own_but_for_what_bedrock_says_elsewhere(invoking: Gateway) -> None:
    body = {"messages": HELLO, "max_tokens": 9, "top_k": 3, "service_tier": "auto"}
    headers = {"anthropic-beta": "context-1m-2025-08-07,no-such-beta"}
    response = invoking.client.post("/v1/messages", json={"model": CLAUDE, "stream": False, **body}, headers=headers)
    sent = json.loads(invoking.received(response)["body"])
    assert sent == {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["context-1m-2025-08-07"],
        "messages": HELLO,
        "max_tokens": 9,
        "top_k": 3,
    }
    assert response.headers["x-aigw-dropped-params"] == "anthropic-beta:no-such-beta, service_tier"


def test_errors_of_invoke_model_are_anthropics(invoking: Gateway) -> None:
    with anthropic.Anthropic(base_url=invoking.url, **SDK_OPTIONS) as client:
        with pytest.raises(anthropic.BadRequestError) as refused:
            ask(client, "whole", messages=[])
        with pytest.raises(anthropic.APIStatusError) as failed:
            ask(client, "streamed", model="simulator.stream-exception")
    assert refused.value.body["error"]["type"] == "invalid_request_error"  # type: ignore[index] # the body is JSON
    assert failed.value.body["type"] == "error"  # type: ignore[index] # as above


def test_errors_are_the_sdks_own(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.RateLimitError) as throttled:
        ask(client, "whole", model="simulator.throttling")
    with pytest.raises(anthropic.NotFoundError):
        ask(client, "whole", model="unknown")
    with pytest.raises(anthropic.BadRequestError) as refused:
        ask(client, "whole", messages=[])
    assert throttled.value.body["error"]["type"] == "rate_limit_error"  # type: ignore[index] # the body is JSON
    message = "messages: at least one user message is needed"
    assert refused.value.body["error"] == {"type": "invalid_request_error", "message": message}  # type: ignore[index] # as above


def test_a_failure_in_the_middle_of_a_stream_is_an_error_event(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as failed:
        ask(client, "streamed", model="simulator.stream-exception")
    assert failed.value.body["type"] == "error"  # type: ignore[index] # the body is JSON


def test_what_has_no_counterpart_is_named(client: anthropic.Anthropic) -> None:
    raw = client.messages.with_raw_response.create(
        model=NOVA, max_tokens=5, messages=HELLO, thinking=BUDGET, extra_headers={"anthropic-beta": "x-1"}
    )
    assert raw.headers["x-aigw-dropped-params"] == "thinking, anthropic-beta:x-1"


def test_a_path_that_is_not_there_is_told_in_anthropics_shape(gateway: Gateway) -> None:
    response = gateway.client.get("/anthropic/v1/nothing", headers={"x-request-id": "abc"})
    told = json.loads(response.text)
    assert (response.status_code, told["type"], told["error"]["type"]) == (404, "error", "not_found_error")
    assert told["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "type_"),
    [
        ("POST", "/anthropic/v1/unknown", 404, "not_found_error"),
        ("GET", "/anthropic/v1/messages", 405, "invalid_request_error"),
        ("POST", "/anthropic/v1/models", 405, "invalid_request_error"),
        ("POST", "/anthropic/v1/messages", 404, "not_found_error"),
        ("POST", "/v1/messages", 404, "not_found_error"),
    ],
)
def test_what_is_not_there_is_told_in_anthropics_shape(
    gateway: Gateway, method: str, path: str, status: int, type_: str
) -> None:
    body = {"model": "nobody-routes-this", "max_tokens": 1, "messages": HELLO}
    response = gateway.client.request(method, path, json=body)
    told = response.json()
    assert (response.status_code, told["type"], told["error"]["type"]) == (status, "error", type_)
    assert told["request_id"] == response.headers["x-request-id"]
