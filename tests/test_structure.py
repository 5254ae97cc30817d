"""Limits of a body's structure, on every endpoint and in both directions, through an exchange."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import process_time
from typing import Any

import pytest

from aigw_extproc.config.snapshot import Schema
from aigw_extproc.exchange.machine import Exchange
from aigw_extproc.exchange.messages import (
    Action,
    Chunk,
    ForwardRequest,
    ReplaceBody,
    Reply,
    RequestBody,
    RequestHeaders,
    ResponseBody,
    ResponseHeaders,
    StreamResponse,
)
from aigw_extproc.translate.registry import ENDPOINTS, TRANSLATIONS
from aigw_extproc.wire import MAX_MESSAGES, MAX_TOOLS
from tests.test_exchange import BACKEND, NOW, POST, exchange
from tests.translate.goldens import frame

HI: Any = {"role": "user", "content": "Hi."}
HELLO: Any = {"role": "assistant", "content": "Hello!"}
CONVERSATION: Any = {"messages": [HI], "max_tokens": 9}
OBJECT: Any = {"type": "object"}
BODIES: dict[str, Any] = {
    "chat": CONVERSATION,
    "messages": CONVERSATION,
    "count_tokens": {"messages": [HI]},
    "completions": {"prompt": "Hi."},
    "responses": {"input": "Hi.", "store": False},
    "input_tokens": {"input": "Hi."},
    "embeddings": {"input": "Hi."},
    "images": {"prompt": "A cat."},
    "rerank": {"query": "a", "documents": ["a", "b"]},
    "tokenize": {"messages": [HI]},
}
MODELS = {
    "embeddings": "amazon.titan-embed-text-v2:0",
    "images": "amazon.nova-canvas-v1:0",
    "rerank": "cohere.rerank-v3-5:0",
}
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
PAIRS = [
    (path, schema) for path, endpoint in ENDPOINTS.items() for name, schema in TRANSLATIONS if name == endpoint.name
]
TOO_DEEP = "the request body is nested too deeply"


def ask(path: str, schema: str, body: bytes) -> tuple[Exchange, Action]:
    name = ENDPOINTS[path].name
    machine = exchange(replace(BACKEND, schema=Schema(name=schema), model_override=MODELS.get(name, CLAUDE)))
    machine.receive(RequestHeaders(POST | {":path": path}, end_of_stream=False), now=NOW)
    return machine, machine.receive(RequestBody(body), now=NOW)


def function(path: str, tool: str = "f", **schema: Any) -> Any:
    """A tool in the format of the endpoint."""
    function = {"name": tool, "parameters": OBJECT | schema}
    match ENDPOINTS[path].name:
        case "messages" | "count_tokens":
            return {"name": tool, "input_schema": OBJECT | schema}
        case "responses":
            return {"type": "function", **function}
        case _:
            return {"type": "function", "function": function}


# --- how many ---------------------------------------------------------------------------------------------------

CONVERSATIONS = ["/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/responses", "/tokenize"]


@pytest.mark.parametrize("path", CONVERSATIONS)
@pytest.mark.parametrize(("member", "most"), [("messages", MAX_MESSAGES), ("tools", MAX_TOOLS)])
def test_messages_and_tools_are_bounded(path: str, member: str, most: int) -> None:
    body = {"model": "m", **BODIES[ENDPOINTS[path].name]}
    name = "input" if path == "/v1/responses" and member == "messages" else member
    items = [HI] * (most + 1) if member == "messages" else [function(path, f"f{n}") for n in range(most + 1)]
    accepted, refused = (body | {name: items[:count]} for count in (most, most + 1))
    assert isinstance(ask(path, "AWSBedrock", json.dumps(accepted).encode())[1], ForwardRequest)
    _, reply = ask(path, "AWSBedrock", json.dumps(refused).encode())
    assert isinstance(reply, Reply)
    assert reply.status == 400
    assert json.loads(reply.body)["error"]["message"].endswith(f"{name}: Expected `array` of length <= {most}")


@pytest.mark.parametrize("path", CONVERSATIONS)
def test_the_most_messages_that_are_accepted_cost_little(path: str) -> None:
    """Fifty thousand once kept a worker busy for 0.27 s, and all other clients waiting."""
    name = "input" if path == "/v1/responses" else "messages"
    body = json.dumps({"model": "m", "max_tokens": 9, "store": False, name: [HI, HELLO] * (MAX_MESSAGES // 2)}).encode()

    def seconds(act: Callable[[], object]) -> float:
        begun = process_time()
        act()
        return process_time() - begun

    parsing = min(seconds(lambda: json.loads(body)) for _ in range(5))
    assert min(seconds(lambda: ask(path, "AWSBedrock", body)) for _ in range(5)) < 80 * parsing


# --- how deep ---------------------------------------------------------------------------------------------------

HOLE = "@"
DEPTHS = (*range(20, sys.getrecursionlimit() + 60, 101), 100_000)


def nested(depth: int) -> Iterator[str]:
    yield "[" * depth + "]" * depth
    yield '{"a":' * depth + "1" + "}" * depth
    yield "[" * depth


def filled(template: str) -> Iterator[bytes]:
    """The JSON of a template with nested values, or their text in a string, where its hole is."""
    for depth in DEPTHS:
        for value in nested(depth):
            yield template.replace(f'"text {HOLE}"', json.dumps(value)).replace(f'"{HOLE}"', value).encode()


def holes(path: str) -> Iterator[dict[str, Any]]:
    """Yield requests with a hole in every place in which a client may put a value of its own."""
    name = ENDPOINTS[path].name
    body = {"model": "m", **BODIES[name]}
    yield from (body | {member: HOLE} for member in (*body, "unknown", "metadata"))
    if path not in CONVERSATIONS:
        return
    yield body | {"tools": [function(path, properties={"p": HOLE})]}
    call, result = tool_call(name, f"text {HOLE}" if name in {"chat", "tokenize", "responses"} else {"a": HOLE})
    yield body | {"input" if name == "responses" else "messages": [HI, call, result], "tools": [function(path)]}
    form = {"type": "json_schema", "schema": OBJECT | {"properties": {"p": HOLE}}}
    match name:
        case "chat":
            yield body | {"response_format": {"type": "json_schema", "json_schema": {"name": "a", **form}}}
            yield body | {"aws": {"additionalModelRequestFields": HOLE}}
        case "messages" | "count_tokens":
            yield body | {"output_format": form}
            yield body | {
                "messages": [{"role": "user", "content": [{"type": "text", "text": "a", "cache_control": HOLE}]}]
            }
        case "responses":
            yield body | {"text": {"format": {"name": "a", **form}}}
            yield body | {"input": [{"role": "user", "content": [{"type": "input_text", "text": "a", "other": HOLE}]}]}


def tool_call(name: str, arguments: Any) -> tuple[Any, Any]:
    """A call of a tool with these arguments, and its result, in the format of the endpoint."""
    if name == "responses":
        call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments}
        return call, {"type": "function_call_output", "call_id": "c", "output": arguments}
    if name in {"messages", "count_tokens"}:
        use = {"type": "tool_use", "id": "c", "name": "f", "input": arguments}
        result = {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "ok", **arguments}]}
        return {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}
    function = {"name": "f", "arguments": arguments}
    calls = [{"id": "c", "type": "function", "function": function}]
    return {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "c", "content": arguments}


@pytest.mark.parametrize(("path", "schema"), PAIRS)
def test_a_request_of_any_depth_is_served_or_refused(path: str, schema: str) -> None:
    for request in holes(path):
        for body in filled(json.dumps(request)):
            _, action = ask(path, schema, body)
            assert isinstance(action, ForwardRequest) or (isinstance(action, Reply) and action.status == 400)


@pytest.mark.parametrize(("path", "schema"), PAIRS)
def test_a_request_that_is_nested_too_deeply_is_told_so(path: str, schema: str) -> None:
    body = json.dumps({"model": "m", **BODIES[ENDPOINTS[path].name], "unknown": HOLE}).encode()
    _, reply = ask(path, schema, body.replace(b'"@"', b"[" * 100_000 + b"]" * 100_000))
    assert isinstance(reply, Reply)
    assert json.loads(reply.body)["error"]["message"] == TOO_DEEP


USE = {"toolUse": {"toolUseId": "t", "name": "f", "input": HOLE}}
ANSWERS: tuple[Any, ...] = (
    {"output": {"message": {"role": "assistant", "content": [USE]}}, "stopReason": "tool_use", "usage": {}},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": HOLE}], "usage": {}},
    {"choices": [{"index": 0, "message": {"content": HOLE}}], "usage": {"prompt_tokens": HOLE}},
    *({member: HOLE} for member in ("message", "error", "embedding", "images", "results", "inputTokens", "usage")),
)
"""An answer of each schema and model, and of errors; whatever the schema, an upstream may send any of them."""


@pytest.mark.parametrize(("path", "schema"), PAIRS)
@pytest.mark.parametrize("status", ["200", "400"])
def test_an_answer_of_any_depth_is_passed_on_or_refused(path: str, schema: str, status: str) -> None:
    request = json.dumps({"model": "m", **BODIES[ENDPOINTS[path].name]}).encode()
    for answer in ANSWERS:
        for body in filled(json.dumps(answer)):
            machine, _ = ask(path, schema, request)
            machine.receive(ResponseHeaders({":status": status}, end_of_stream=False), now=NOW)
            action = machine.receive(ResponseBody(body, end_of_stream=True), now=NOW)
            assert isinstance(action, ReplaceBody) or (isinstance(action, Reply) and action.status in {400, 502})


@pytest.mark.parametrize(
    ("path", "schema"),
    [pair for pair in PAIRS if {"chat", "messages", "responses", "completions"} & {ENDPOINTS[pair[0]].name}],
)
def test_a_stream_of_any_depth_is_passed_on_or_ends_with_an_error(path: str, schema: str) -> None:
    request = json.dumps({"model": "m", **BODIES[ENDPOINTS[path].name], "stream": True}).encode()
    for event in ("messageStart", "contentBlockStart", "contentBlockDelta", "metadata", "chunk", "exception"):
        for body in filled(json.dumps({"delta": {"toolUse": {"input": HOLE}}, "contentBlockIndex": 0, "p": HOLE})):
            machine, forwarded = ask(path, schema, request)
            assert isinstance(forwarded, ForwardRequest)
            accept = dict(forwarded.set_headers)["accept"]
            begun = machine.receive(ResponseHeaders({":status": "200", "content-type": accept}, False), now=NOW)
            assert isinstance(begun, StreamResponse)
            data = b"data: " + body + b"\n\n" if accept == "text/event-stream" else frame(event, body)
            assert isinstance(machine.receive(ResponseBody(data, end_of_stream=True), now=NOW), Chunk)
