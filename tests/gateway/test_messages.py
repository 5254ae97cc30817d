"""Anthropic's own SDK against the gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.gateway.conftest import NOVA, SDK_OPTIONS
from tests.gateway.running import Gateway

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


@pytest.fixture(scope="module", params=["/anthropic", ""], ids=["anthropic", "root"])
def claude(request: pytest.FixtureRequest, gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    """Under both of the paths where messages are served."""
    with anthropic.Anthropic(base_url=f"{gateway.url}{request.param}", **SDK_OPTIONS) as connected:
        yield connected


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
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
    assert message.pop("id").startswith("msg_")
    assert {name: value for name, value in message.items() if value is not None} == {
        "type": "message",
        "role": "assistant",
        "model": CLAUDE,
        "content": [{"type": "text", "text": "Hello! You said: Hello!"}],
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 2,
            "output_tokens": 4,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }


def test_the_events_of_a_stream(client: anthropic.Anthropic) -> None:
    with client.messages.create(model=CLAUDE, max_tokens=2000, messages=HELLO, thinking=BUDGET, stream=True) as stream:
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
def test_a_stop_sequence_is_named(client: anthropic.Anthropic, way: str) -> None:
    message = ask(client, way, stop_sequences=["You"])
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "You")


@both_ways
def test_thinking_with_its_signature(client: anthropic.Anthropic, way: str) -> None:
    thought, said = ask(client, way, thinking=BUDGET)["content"]
    assert (thought["type"], thought["thinking"], len(thought["signature"])) == ("thinking", THOUGHT, 44)
    assert said["type"] == "text"


@both_ways
def test_a_hidden_thought_comes_back_as_it_went(client: anthropic.Anthropic, way: str) -> None:
    redact: Any = [{"role": "user", "content": "redact, and use get_time"}]
    first = ask(client, way, messages=redact, thinking=BUDGET, tools=TOOLS)
    assert [block["type"] for block in first["content"]] == ["thinking", "redacted_thinking", "text", "tool_use"]
    result = {"type": "tool_result", "tool_use_id": first["content"][-1]["id"], "content": "noon"}
    history = [*redact, {"role": "assistant", "content": first["content"]}, {"role": "user", "content": [result]}]
    second = ask(client, way, messages=history, thinking=BUDGET, tools=TOOLS)
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
        ask(client, "streamed", model="simulator.exception-mid-stream")
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
