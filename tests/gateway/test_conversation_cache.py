"""A conversation with system messages in its middle reads at each turn what the turn before has cached."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.gateway.conftest import NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.simulator.running import RunningSimulator

WITHOUT_ROLE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
WITH_ROLE = "us.anthropic.claude-opus-5-5"
AUTOMATIC = {
    "aigw-extproc/cache-points": "system, turns",
    "aigw-extproc/model-families": (
        "{anthropic.claude-sonnet-4-5: {cache_minimum: 1}, anthropic.claude-opus-5: {cache_minimum: 1}}"
    ),
}
MARK = {"cache_control": {"type": "ephemeral"}}
Conversation = list[dict[str, Any]]
Usage = tuple[int, int, int]
"""Input tokens in all, those read from the cache, those written to it."""


@pytest.fixture(scope="module")
def caching(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    """`converse/MODEL` and `invoke/MODEL` go to a backend of that operation."""
    models = (WITHOUT_ROLE, WITH_ROLE)
    schemas = {"converse": "AWSBedrock", "invoke": "AWSAnthropic"}
    rules = [rule(ref(name, to=model), model=f"{name}/{model}") for name in schemas for model in models]
    backends = [
        backend(name, simulator.port, annotations=AUTOMATIC, schema={"name": schema})
        for name, schema in schemas.items()
    ]
    return start_gateway(route("any", *rules), *(document for documents in backends for document in documents))


def ask(gateway: Gateway, path: str, **body: Any) -> Any:
    response = httpx.post(f"{gateway.url}{path}", json=body, timeout=20)
    assert response.status_code == 200, response.text
    return response.json()


def chat(gateway: Gateway, model: str, messages: Conversation) -> tuple[str, Usage]:
    answer = ask(gateway, "/v1/chat/completions", model=model, messages=messages)
    details = answer["usage"]["prompt_tokens_details"]
    usage = (answer["usage"]["prompt_tokens"], details["cached_tokens"], details["cache_creation_tokens"])
    return answer["choices"][0]["message"]["content"], usage


def responses(gateway: Gateway, model: str, messages: Conversation) -> tuple[str, Usage]:
    answer = ask(gateway, "/v1/responses", model=model, input=messages)
    usage = answer["usage"]
    details = usage["input_tokens_details"]
    read, written = details["cached_tokens"], details["cache_write_tokens"]
    return answer["output"][-1]["content"][0]["text"], (usage["input_tokens"], read, written)


def messages(gateway: Gateway, model: str, messages: Conversation) -> tuple[str, Usage]:
    """Ask with marks on the last two turns of the user, as Claude Code does."""
    last = [index for index, message in enumerate(messages) if message["role"] == "user"][-2:]
    parts: Conversation = [
        {"role": said["role"], "content": [{"type": "text", "text": said["content"], **(MARK if at in last else {})}]}
        for at, said in enumerate(messages)
    ]
    return unmarked(gateway, model, parts)


def unmarked(gateway: Gateway, model: str, messages: Conversation) -> tuple[str, Usage]:
    answer = ask(gateway, "/v1/messages", model=model, max_tokens=500, messages=messages)
    usage = answer["usage"]
    read, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0}
    return answer["content"][-1]["text"], (usage["input_tokens"] + read + written, read, written)


def said(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


@pytest.mark.parametrize("client", [chat, messages, unmarked, responses])
@pytest.mark.parametrize("carrier", ["converse", "invoke"])
@pytest.mark.parametrize("model", [WITHOUT_ROLE, WITH_ROLE])
def test_the_next_turn_reads_what_the_last_one_wrote(
    caching: Gateway, client: Callable[[Gateway, str, Conversation], tuple[str, Usage]], carrier: str, model: str
) -> None:
    conversation = [said("system", f"Rule {uuid4()}: be brief."), said("user", "One two three")]
    cached = 0
    for turn in range(3):
        conversation.append(said("system", f"It is turn {turn}."))
        text, (_, read, written) = client(caching, f"{carrier}/{model}", conversation)
        assert (read, written > 0) == (cached, True)
        cached = read + written
        conversation += [said("assistant", text), said("user", f"Four five six {turn}")]


@pytest.mark.parametrize("carrier", ["converse", "invoke"])
def test_a_system_message_has_its_own_role_only_where_the_model_takes_it(caching: Gateway, carrier: str) -> None:
    conversation = [said("user", "Hi"), said("system", "Be brief.")]
    roles = {}
    for model in (WITHOUT_ROLE, WITH_ROLE):
        chat(caching, f"{carrier}/{model}", conversation)
        body = json.loads(caching.simulator.requests()[-1]["body"])
        roles[model] = [message["role"] for message in body["messages"]]
    assert roles == {WITHOUT_ROLE: ["user"], WITH_ROLE: ["user", "system"]}
