"""OpenAI's SDK against a backend that speaks Anthropic's own format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.gateway.test_tools import ANSWER, ASKED, CALLS, TOOLS, called, results
from tests.simulator.running import RunningSimulator

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture(scope="module")
def invoking(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    schema = {"name": "AWSAnthropic"}
    return start_gateway(route("any", rule(ref())), *backend("bedrock", simulator.port, schema=schema))


@pytest.fixture(scope="module")
def client(invoking: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{invoking.url}/v1", **SDK_OPTIONS) as connected:
        yield connected


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def ask(client: openai.OpenAI, stream: bool, **asked: Any) -> dict[str, Any]:
    """The completion, whole or as the SDK adds it up from a stream."""
    asked = {"model": CLAUDE, "messages": [{"role": "user", "content": "Hello!"}], **asked}
    if not stream:
        return client.chat.completions.create(**asked).to_dict()
    state = ChatCompletionStreamState()
    for chunk in client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
        state.handle_chunk(chunk)
    return state.get_final_completion().to_dict()


def message(completion: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = completion["choices"][0]["message"]
    return told


@both_ways
def test_a_chat(client: openai.OpenAI, stream: bool) -> None:
    completion = ask(client, stream)
    assert message(completion)["content"] == "Hello! You said: Hello!"
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert completion["usage"]["completion_tokens"] == 4


@both_ways
def test_a_loop_of_tools_with_thoughts(client: openai.OpenAI, stream: bool) -> None:
    first = message(ask(client, stream, messages=[ASKED], tools=TOOLS, reasoning_effort="low"))
    assert (called(first), first["reasoning_content"][:9]) == (CALLS, "Let me th")
    history = [ASKED, first, *results(first)]
    assert message(ask(client, stream, messages=history, tools=TOOLS, reasoning_effort="low"))["content"] == ANSWER


def test_what_bedrock_gets(invoking: Gateway) -> None:
    response = invoking.chat(CLAUDE, max_tokens=7, temperature=0)
    received = invoking.received(response)
    assert received["path"] == f"/model/{CLAUDE.replace(':', '%3A')}/invoke"
    assert json.loads(received["body"]) == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 7,
        "temperature": 0.0,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello!"}]}],
    }


def test_a_failure_in_the_middle_of_a_stream(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError):
        ask(client, True, model="simulator.stream-exception")


def test_an_error_is_openais(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        ask(client, False, model="simulator.throttling")


def test_tokens_are_counted_as_anywhere_on_bedrock(invoking: Gateway) -> None:
    response = invoking.client.post("/tokenize", json={"model": CLAUDE, "prompt": "two words"})
    assert (response.status_code, response.json()) == (200, {"count": 3, "max_model_len": 0, "tokens": None})
