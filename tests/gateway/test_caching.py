"""Prompt caching through the whole gateway: where the marks go, and what is counted."""

from __future__ import annotations

import base64
from typing import Any
from uuid import uuid4

import openai
import pytest

from tests.gateway.running import Gateway
from tests.gateway.test_media import file
from tests.gateway.test_reasoning import BUDGETED as CLAUDE
from tests.gateway.test_reasoning import DROPPED, Ask, both_ways, message
from tests.gateway.test_tools import tool

NOVA = "us.amazon.nova-lite-v1:0"
MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
POINT = {"cachePoint": {"type": "default"}}


def text(said: str, mark: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": said, **(mark or {})}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def raw(client: openai.OpenAI, **fields: Any) -> Any:
    return client.chat.completions.with_raw_response.create(**fields)


def counted(usage: Any) -> dict[str, int]:
    details = usage.prompt_tokens_details.to_dict()
    return {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens, **details}


@both_ways
@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_what_is_written_once_is_read_later(client: openai.OpenAI, ask: Ask, model: str) -> None:
    rules = f"Rule {uuid4()}: be brief."
    messages: Any = [{"role": "system", "content": [text(rules, MARK)]}, user(text("Hi there"))]
    options = {} if ask.__name__ == "whole" else {"stream_options": {"include_usage": True}}
    first, second = (ask(client, model=model, messages=messages, **options).usage for _ in range(2))
    tokens = len(rules.split())  # to which the user's two words come, and the role
    assert counted(first) == {
        "prompt_tokens": tokens + 3,
        "completion_tokens": 5,
        "cached_tokens": 0,
        "cache_creation_tokens": tokens,
    }
    assert counted(second) == counted(first) | {"cached_tokens": tokens, "cache_creation_tokens": 0}


CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
LOOKED: Any = [
    {"role": "system", "content": [text("Be brief.", MARK)]},
    user(text("Use look", MARK)),
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "sunny", **MARK},
]


def test_marks_of_every_kind(client: openai.OpenAI, gateway: Gateway) -> None:
    answer = client.chat.completions.create(model=CLAUDE, messages=LOOKED, tools=[{**tool("look"), **MARK}])
    sent = gateway.sent(answer.id)
    ends = [sent["toolConfig"]["tools"], sent["system"], sent["messages"][0]["content"], sent["messages"][2]["content"]]
    assert [blocks[1:] for blocks in ends] == [[POINT]] * 4


def test_more_marks_than_bedrock_takes(client: openai.OpenAI, gateway: Gateway) -> None:
    parts = [text(f"Part {number}.", MARK) for number in range(6)]
    answer = client.chat.completions.create(model=CLAUDE, messages=[user(*parts)])
    [turn] = gateway.sent(answer.id)["messages"]
    assert [index for index, block in enumerate(turn["content"]) if block == POINT] == [3, 5, 7, 9]


def test_an_hour_does_not_stand_behind_five_minutes(client: openai.OpenAI, gateway: Gateway) -> None:
    messages: Any = [{"role": "system", "content": [text("Be brief.", HOUR)]}, user(text("A", MARK), text("B", HOUR))]
    sent = gateway.sent(client.chat.completions.create(model=CLAUDE, messages=messages).id)
    assert sent["system"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert sent["messages"][0]["content"][1::2] == [POINT, {"cachePoint": {"type": "default", "ttl": "5m"}}]


def test_nova_caches_neither_tools_nor_behind_their_results(client: openai.OpenAI, gateway: Gateway) -> None:
    answer = raw(client, model=NOVA, messages=LOOKED, tools=[{**tool("look"), **MARK}])
    sent = gateway.sent(answer.parse().id)
    assert answer.headers[DROPPED] == "cache_control"
    assert (sent["system"][1], len(sent["toolConfig"]["tools"]), len(sent["messages"][2]["content"])) == (POINT, 1, 1)


def test_a_family_without_a_cache(client: openai.OpenAI) -> None:
    answer = raw(client, model="mistral.mistral-large-2407-v1:0", messages=[user(text("Hi", MARK))])
    assert answer.headers[DROPPED] == "cache_control"
    assert answer.parse().choices[0].message.content == "Hello! You said: Hi"


def test_a_mark_behind_a_plain_document_is_one_that_claude_refuses(client: openai.OpenAI) -> None:
    plain = file("notes.txt", base64.b64encode(b"Notes.").decode(), "text/plain")
    answer = raw(client, model=CLAUDE, messages=[user(text("Read"), {**plain, **MARK})])
    assert answer.headers[DROPPED] == "cache_control"
    assert message(answer.parse())["content"] == "Hello! You said: Read I see a txt document of 6 bytes."


def test_a_mark_behind_a_pdf(client: openai.OpenAI, gateway: Gateway) -> None:
    answer = client.chat.completions.create(model=CLAUDE, messages=[user(text("Read"), {**file("a.pdf"), **MARK})])
    assert gateway.sent(answer.id)["messages"][0]["content"][2] == POINT


def test_a_mark_on_a_thought_is_refused_everywhere(client: openai.OpenAI) -> None:
    hello = user(text("Hi"))
    thought = message(client.chat.completions.create(model=CLAUDE, messages=[hello], reasoning_effort="low"))
    [block] = thought["thinking_blocks"]
    said: Any = {"role": "assistant", "content": [{**block, **MARK}, text("Hello!")]}
    answer = raw(client, model=CLAUDE, messages=[hello, said, hello], reasoning_effort="low")
    assert answer.headers[DROPPED] == "cache_control"
    assert message(answer.parse())["content"] == "Hello! You said: Hi"
