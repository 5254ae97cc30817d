"""Cache points that the operator asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from aigw_extproc.simulator import anthropic_request
from aigw_extproc.translate.registry import ENDPOINTS, parse
from tests.translate import goldens

SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-pro-v1:0"
EVERYWHERE = ("tools", "system", "turns")
POINT = {"cachePoint": {"type": "default"}}
LONG = "x" * 3 * 1024
SYSTEM = {"role": "system", "content": LONG}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TOOLS = [{"type": "function", "function": {"name": "look", "description": LONG}}]
TALK = [SYSTEM, *({"role": role, "content": "Hi."} for role in ("user", "assistant", "user", "assistant", "user"))]
LOOP = [
    SYSTEM,
    {"role": "user", "content": "Look."},
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
]


def sent(
    messages: list[Any],
    model: str = SONNET,
    places: tuple[str, ...] = EVERYWHERE,
    schema: str = "AWSBedrock",
    **more: Any,
) -> dict[str, Any]:
    body = json.dumps({"model": model, "messages": messages, **more}).encode()
    target = replace(goldens.target(model, schema), cache_points=places)
    upstream: dict[str, Any] = json.loads(parse(ENDPOINTS["/v1/chat/completions"], schema, body, {})(target).body)
    return upstream


def points(body: dict[str, Any]) -> list[str]:
    """Return the places after which there is a cache point: tools, system, and the indexes of messages."""
    lists = {"tools": body.get("toolConfig", {}).get("tools", []), "system": body.get("system", [])}
    lists |= {str(index): message["content"] for index, message in enumerate(body["messages"])}
    return [place for place, blocks in lists.items() if POINT in blocks]


def test_points_after_tools_system_and_the_last_two_turns_of_the_user() -> None:
    body = sent(TALK, tools=TOOLS)
    assert points(body) == ["tools", "system", "2", "4"]
    assert body["messages"][4]["content"] == [{"text": "Hi."}, POINT]


@pytest.mark.parametrize("places", [("tools",), ("system",), ("turns",), ()])
def test_points_only_where_the_operator_wants_them(places: tuple[str, ...]) -> None:
    expected = {"tools": ["tools"], "system": ["system"], "turns": ["2", "4"]}
    assert points(sent(TALK, places=places, tools=TOOLS)) == [point for place in places for point in expected[place]]


def test_a_client_that_marks_decides_alone() -> None:
    marked = {"role": "user", "content": "Bye.", "cache_control": {"type": "ephemeral"}}
    assert points(sent([*TALK, marked])) == ["4"]


def test_no_point_where_the_prompt_is_still_too_short() -> None:
    short = [{"role": "user", "content": "Hi."}]
    assert points(sent([{"role": "system", "content": LONG[3:]}, *short])) == ["0"]
    assert points(sent(short)) == []


def test_no_point_where_the_family_takes_none() -> None:
    assert points(sent(TALK, "mistral.mistral-large-2407-v1:0", tools=TOOLS)) == []
    assert points(sent(LOOP, NOVA, tools=TOOLS)) == ["system", "0"]


def test_a_point_after_tool_results() -> None:
    assert points(sent(LOOP, tools=TOOLS)) == ["tools", "system", "0", "2"]


def test_a_point_before_a_plain_document_on_claude() -> None:
    document = {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGkh"}}
    body = sent([SYSTEM, {"role": "user", "content": [{"type": "text", "text": "Read."}, document]}])
    assert [*body["messages"][0]["content"][0], *body["messages"][0]["content"][1]] == ["text", "cachePoint"]


def test_points_in_a_body_for_invoke_model() -> None:
    body = sent(TALK, schema="AWSAnthropic")
    blocks = [*body["system"], *(block for message in body["messages"] for block in message["content"])]
    assert ["cache_control" in block for block in blocks] == [True, False, False, True, False, True]


# --- Messages that are passed on ----------------------------------------------------------------------------------

MARK = {"type": "ephemeral"}
PASSED_TALK = TALK[1:]
PASSED_TOOLS: list[dict[str, Any]] = [
    {"name": "look", "description": LONG, "input_schema": {"type": "object"}},
    {"name": "find", "input_schema": {"type": "object"}, "defer_loading": True},
]
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


def passed(
    messages: list[Any], model: str = SONNET, places: tuple[str, ...] = EVERYWHERE, **more: Any
) -> dict[str, Any]:
    body = json.dumps({"model": model, "max_tokens": 9, "messages": messages, **more}).encode()
    target = replace(goldens.target(model, "AWSAnthropic"), cache_points=places)
    upstream: dict[str, Any] = json.loads(parse(ENDPOINTS["/v1/messages"], "AWSAnthropic", body, {})(target).body)
    anthropic_request.parse(json.dumps(upstream).encode(), model)
    return upstream


def marks(body: dict[str, Any]) -> list[str]:
    """Return the places with a mark: tools, system, and the indexes of messages."""
    lists = {"tools": body.get("tools", []), "system": body.get("system", [])}
    lists |= {str(index): message["content"] for index, message in enumerate(body["messages"])}
    return [place for place, blocks in lists.items() for block in blocks if "cache_control" in block]


def test_marks_in_messages_that_are_passed_on() -> None:
    body = passed(PASSED_TALK, system=LONG, tools=PASSED_TOOLS)
    assert marks(body) == ["tools", "system", "2", "4"]
    assert body["tools"] == [{**PASSED_TOOLS[0], "cache_control": MARK}, PASSED_TOOLS[1]]
    assert body["system"] == [{"type": "text", "text": LONG, "cache_control": MARK}]
    assert body["messages"][4] == {
        "role": "user",
        "content": [{"type": "text", "text": "Hi.", "cache_control": MARK}],
    }


@pytest.mark.parametrize("places", [("tools",), ("system",), ("turns",), ()])
def test_marks_only_where_the_operator_wants_them(places: tuple[str, ...]) -> None:
    expected = {"tools": ["tools"], "system": ["system"], "turns": ["2", "4"]}
    body = passed(PASSED_TALK, places=places, system=LONG, tools=PASSED_TOOLS)
    assert marks(body) == [point for place in places for point in expected[place]]


@pytest.mark.parametrize(
    "marked",
    [
        {"system": [{"type": "text", "text": LONG, "cache_control": MARK}]},
        {"tools": [{**PASSED_TOOLS[0], "cache_control": MARK}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": LONG, "cache_control": MARK}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": LONG}], "cache_control": MARK}]},
    ],
)
def test_a_client_that_marks_passed_messages_decides_alone(marked: dict[str, Any]) -> None:
    request = {"messages": PASSED_TALK, "system": LONG, **marked}
    assert len(marks(passed(request.pop("messages"), **request))) == 1


def test_no_mark_where_a_passed_prompt_is_too_short_or_the_model_takes_none() -> None:
    assert marks(passed(PASSED_TALK)) == []
    assert marks(passed(PASSED_TALK, "anthropic.claude-3-haiku-20240307-v1:0", system=LONG)) == []


def test_an_image_counts_as_the_same_on_both_ways() -> None:
    turn = [{"role": "user", "content": [{"type": "text", "text": "x" * 72}, IMAGE]}]
    assert marks(passed(turn)) == ["0"]


def test_a_mark_on_a_tool_result() -> None:
    use = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "sunny"}]}
    loop = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [THOUGHT, use]},
        {"role": "user", "content": [result]},
    ]
    body = passed(loop, system=LONG, tools=PASSED_TOOLS[:1])
    assert marks(body) == ["tools", "system", "0", "2"]
    assert body["messages"][2]["content"] == [{**result, "cache_control": MARK}]
