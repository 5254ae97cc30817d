"""A session as Claude Code leads it, on both schemas: one request after another, each with all that came before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.simulator.running import RunningSimulator

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CACHED: Any = {"cache_control": {"type": "ephemeral"}}
SYSTEM: Any = [
    {"type": "text", "text": "You are a coding agent.", **CACHED},
    {"type": "text", "text": "The working directory is /project.", **CACHED},
]
BETAS = "claude-code-20250219,interleaved-thinking-2025-05-14,context-1m-2025-08-07,a-beta-of-tomorrow-2030-01-01"
THINKING: Any = {"type": "enabled", "budget_tokens": 2048}


def tool(name: str, **properties: str) -> Any:
    members = {key: {"type": kind} for key, kind in properties.items()}
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": members}
    return {"name": name, "description": f"The tool {name}.", "input_schema": schema}


TOOLS = [
    tool("Bash", command="string"),
    tool("Read", file_path="string", limit="integer"),
    tool("Glob", pattern="string"),
]


@pytest.fixture(scope="module", params=["AWSBedrock", "AWSAnthropic"])
def session(request: pytest.FixtureRequest, start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    schema = {"name": request.param}
    return start_gateway(route("any", rule(ref())), *backend("bedrock", simulator.port, schema=schema))


@pytest.fixture
def client(session: Gateway) -> Iterator[anthropic.Anthropic]:
    headers = {"anthropic-beta": BETAS}
    with anthropic.Anthropic(base_url=session.url, default_headers=headers, **SDK_OPTIONS) as connected:
        yield connected


def user(*blocks: Any) -> Any:
    return {"role": "user", "content": list(blocks)}


def text(words: str, **more: Any) -> Any:
    return {"type": "text", "text": words, **more}


def say(client: anthropic.Anthropic, history: list[Any]) -> Any:
    """One turn, streamed; the answer as the client keeps it."""
    with client.messages.stream(
        model=CLAUDE,
        max_tokens=8000,
        system=SYSTEM,
        messages=history,
        tools=TOOLS,
        thinking=THINKING,
        metadata={"user_id": "user_1_session_2"},
    ) as stream:
        return stream.get_final_message()


def results(answer: Any, *told: Any) -> list[Any]:
    uses = [block.id for block in answer.content if block.type == "tool_use"]
    return [{"type": "tool_result", "tool_use_id": id_, **result} for id_, result in zip(uses, told, strict=True)]


def kinds(answer: Any) -> list[str]:
    return [block.type for block in answer.content]


def test_a_session(client: anthropic.Anthropic) -> None:
    reminder = text("<system-reminder>Be careful.</system-reminder>")
    history = [user(reminder, text("now use Read and Glob, redact your thoughts", **CACHED))]
    counted = client.messages.count_tokens(
        model=CLAUDE, system=SYSTEM, messages=history, tools=TOOLS, thinking=THINKING
    )
    first = say(client, history)
    assert kinds(first) == ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]
    assert (counted.input_tokens > 10, first.stop_reason) == (True, "tool_use")

    failed = {"content": "no such file", "is_error": True}
    found = {"content": [text("a.py"), text("now use Bash")], **CACHED}
    history += [{"role": "assistant", "content": first.content}, user(*results(first, failed, found))]
    second = say(client, history)
    assert [(block.name, block.input) for block in second.content if block.type == "tool_use"] == [
        ("Bash", {"command": "example command"})
    ]

    done = results(second, {"content": ""})
    history += [{"role": "assistant", "content": second.content}, user(*done, text("Go on.", **CACHED))]
    third = say(client, history)
    assert (kinds(third)[-1], third.stop_reason) == ("text", "end_turn")
    assert third.usage.output_tokens > 1


def test_what_of_it_is_not_known_is_named(session: Gateway) -> None:
    body = {"model": CLAUDE, "max_tokens": 100, "messages": [user(text("Hi"))], "system": SYSTEM}
    response = session.client.post("/v1/messages?beta=true", json=body, headers={"anthropic-beta": BETAS})
    dropped = response.headers["x-aigw-dropped-params"].split(", ")
    assert (response.status_code, dropped[0], dropped[-1]) == (
        200,
        "anthropic-beta:claude-code-20250219",
        "anthropic-beta:a-beta-of-tomorrow-2030-01-01",
    )


def test_nothing_of_the_clients_own_key_reaches_bedrock(client: anthropic.Anthropic, session: Gateway) -> None:
    raw = client.messages.with_raw_response.create(model=CLAUDE, max_tokens=9, messages=[user(text("Hi"))])
    sent = session.request(raw.headers["x-amzn-requestid"])
    assert SDK_OPTIONS["api_key"] not in json.dumps(sent)
    assert "anthropic-beta" not in {name.lower() for name in dict(sent["headers"])}
