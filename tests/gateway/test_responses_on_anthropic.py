"""The Responses API against a backend that speaks Anthropic's own format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.gateway.test_chat_on_anthropic import CLAUDE
from tests.gateway.test_reasoning import ANSWERS
from tests.gateway.test_responses import STEPS, both_ways, loop, streamed, told, whole
from tests.simulator.running import RunningSimulator


@pytest.fixture(scope="module")
def invoking(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    schema = {"name": "AWSAnthropic"}
    return start_gateway(route("any", rule(ref())), *backend("bedrock", simulator.port, schema=schema))


@pytest.fixture(scope="module")
def client(invoking: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{invoking.url}/v1", **SDK_OPTIONS) as connected:
        yield connected


@both_ways
def test_a_response(client: openai.OpenAI, ask: Any) -> None:
    response = ask(client, model=CLAUDE, input="Hello!")
    assert (response.output_text, response.status) == ("Hello! You said: Hello!", "completed")
    assert response.usage.output_tokens == 4


@both_ways
def test_a_loop_of_tools_with_thoughts(client: openai.OpenAI, ask: Any) -> None:
    history, answer = loop(client, ask, "Use first", ANSWERS, model=CLAUDE, tools=STEPS, reasoning={"effort": "low"})
    assert [item.type for item in history[1:4]] == ["reasoning", "message", "function_call"]
    assert answer.output_text == "The tools answered: done"


def test_a_stream_and_a_whole_response_say_the_same(client: openai.OpenAI) -> None:
    asked = {"model": CLAUDE, "input": "redact", "reasoning": {"effort": "low"}}
    assert told(streamed(client, **asked)) == told(whole(client, **asked))


def test_what_bedrock_gets(client: openai.OpenAI, invoking: Gateway) -> None:
    response = client.responses.create(model=CLAUDE, instructions="Be brief.", input="Hello!", max_output_tokens=7)
    received = invoking.request(response.id.removeprefix("resp_"))
    assert received["path"] == f"/model/{CLAUDE.replace(':', '%3A')}/invoke"
    assert json.loads(received["body"]) == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 7,
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello!"}]}],
    }


def test_a_failure_in_the_middle_of_a_stream(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError):
        list(client.responses.create(model="simulator.stream-exception", input="Hi", stream=True))
