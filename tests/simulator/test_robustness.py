"""Robustness: every request gets a response that the service can give."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw_extproc.simulator.operations import respond
from aigw_extproc.simulator.reasoning import redact, sign
from aigw_extproc.simulator.settings import Settings
from tests.simulator.signing import NOW, signed

SETTINGS = Settings(clock=NOW.timestamp)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}, "b": {"items": {"minimum": 1}}}}
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
CONVERSE: dict[str, Any] = {
    "system": [{"text": "Be brief"}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "clock"},
                {"image": {"format": "png", "source": {"bytes": PNG}}},
                {"document": {"name": "a", "format": "txt", "source": {"bytes": "eA=="}}},
            ],
        },
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "clock", "input": {}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [{"json": {"a": 1}}]}}]},
    ],
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "clock", "inputSchema": {"json": SCHEMA}}}],
        "toolChoice": {"any": {}},
    },
    "inferenceConfig": {"maxTokens": 5, "temperature": 0, "stopSequences": ["x"]},
}
POINT: dict[str, Any] = {"cachePoint": {"type": "default", "ttl": "1h"}}
THINKING: dict[str, Any] = {
    "system": [{"text": "Be brief"}, POINT],
    "messages": [
        {"role": "user", "content": [{"text": "clock"}, POINT]},
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": sign("Hm")}}},
                {"reasoningContent": {"redactedContent": redact("Hm")}},
                {"toolUse": {"toolUseId": "a", "name": "clock", "input": {}}},
            ],
        },
        {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}, POINT]},
    ],
    "toolConfig": {"tools": [{"toolSpec": {"name": "clock", "inputSchema": {"json": CLOSED}, "strict": True}}, POINT]},
    "outputConfig": {
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(CLOSED)}}}
    },
    "guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1", "trace": "enabled"},
    "inferenceConfig": {"maxTokens": 5000, "temperature": 1},
    "additionalModelRequestFields": {
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "anthropic_beta": ["x"],
        "output_config": {"format": {"type": "json_schema", "schema": CLOSED}},
        "tool_choice": {"type": "auto", "name": "clock"},
    },
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
    "performanceConfig": {"latency": "standard"},
    "serviceTier": {"type": "default"},
    "requestMetadata": {"team": "a"},
}
CLAUDE: dict[str, Any] = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 5,
    "system": [{"type": "text", "text": "Be brief"}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "clock"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "x"}]},
            ],
        }
    ],
    "tools": [{"name": "clock", "input_schema": SCHEMA}],
    "tool_choice": {"type": "any"},
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=3,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all values in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


def changed(request: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return a copy with another value at a path."""
    copy = json.loads(json.dumps(request))
    target = copy
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return copy


HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1%3A0"
SONNET_4_5 = "anthropic.claude-sonnet-4-5-20250929-v1%3A0"


def status(operation: str, body: Any, model: str = HAIKU_3) -> int:
    return respond(signed(body, path=f"/model/{model}/{operation}"), SETTINGS).status


def test_the_requests_are_valid_before_they_are_changed() -> None:
    assert (status("converse", CONVERSE), status("invoke", CLAUDE)) == (200, 200)
    assert status("converse", THINKING, SONNET_4_5) == 200


@settings(max_examples=3 * settings().max_examples)
@given(st.sampled_from(list(paths(CONVERSE))), JSON, st.sampled_from(["converse", "converse-stream"]))
def test_a_changed_conversation_is_answered_or_refused(path: tuple[Any, ...], value: Any, operation: str) -> None:
    assert status(operation, changed(CONVERSE, path, value)) in (200, 400)


@settings(max_examples=3 * settings().max_examples)
@given(
    st.sampled_from(list(paths(THINKING))),
    JSON,
    st.sampled_from([SONNET_4_5, "anthropic.claude-opus-5-5", "amazon.nova-2-lite-v1%3A0", "simulator.slow"]),
)
def test_a_changed_tool_loop_is_answered_or_refused(path: tuple[Any, ...], value: Any, model: str) -> None:
    assert status("converse", changed(THINKING, path, value), model) in (200, 400)


@settings(max_examples=3 * settings().max_examples)
@given(st.sampled_from(list(paths(CLAUDE))), JSON, st.sampled_from(["invoke", "invoke-with-response-stream"]))
def test_a_changed_invocation_is_answered_or_refused(path: tuple[Any, ...], value: Any, operation: str) -> None:
    assert status(operation, changed(CLAUDE, path, value)) in (200, 400)


@given(st.binary(max_size=50))
def test_any_bytes_are_refused(body: bytes) -> None:
    assert status("converse", body) == 400


@pytest.mark.parametrize("depth", [10, 200, 900, 5000])
def test_a_schema_of_any_depth_is_answered_or_refused(depth: int) -> None:
    deep = b'{"type":"object","items":%s{}%s}' % (b'{"items":' * depth, b"}" * depth)
    body = json.dumps(CONVERSE).encode().replace(json.dumps(SCHEMA).encode(), deep)
    assert status("converse", body) == (200 if depth <= 200 else 400)
