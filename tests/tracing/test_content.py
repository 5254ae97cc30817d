"""Tests for aigw_extproc.tracing.content: bodies of the clients' APIs, and bodies that are none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw_extproc.tracing.content import request_attributes, response_attributes


def test_parameters_of_a_request() -> None:
    body = {"max_completion_tokens": 9, "temperature": 0.5, "top_p": True, "stop": "x", "n": 2, "messages": []}
    assert request_attributes(json.dumps(body).encode(), messages=False) == {
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.choice.count": 2,
        "gen_ai.request.stop_sequences": ["x"],
    }


def test_messages_are_text_and_the_kinds_of_everything_else() -> None:
    image = {"type": "image", "source": {"data": "canary"}}
    body = {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, image]}],
    }
    assert request_attributes(json.dumps(body).encode(), messages=True) == {
        "gen_ai.system_instructions": '[{"type":"text","content":"Be brief."}]',
        "gen_ai.input.messages": ('[{"role":"user","parts":[{"type":"text","content":"Hi"},{"type":"image"}]}]'),
    }


CHAT = {"id": "c", "model": "m", "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
MESSAGE = {"id": "m", "model": "m", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "stop"}
OUTPUT = '[{"role":"assistant","parts":[{"type":"text","content":"Hi"}],"finish_reason":"stop"}]'


@pytest.mark.parametrize("body", [CHAT, MESSAGE])
def test_a_whole_response(body: dict[str, object]) -> None:
    assert response_attributes([json.dumps(body).encode()], stream=False, messages=True) == {
        "gen_ai.response.id": body["id"],
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.output.messages": OUTPUT,
    }


def events(*data: object) -> bytes:
    return b"".join(f"event: x\ndata: {json.dumps(each)}\n\n".encode() for each in data)


CHUNKS = events(
    {"id": "c", "model": "m", "choices": [{"delta": {"content": "H"}, "finish_reason": None}]},
    {"id": "c", "model": "m", "choices": [{"delta": {"content": "i"}, "finish_reason": "stop"}]},
)
MESSAGES = events(
    {"type": "message_start", "message": {"id": "c", "model": "m", "content": []}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "H"}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "i"}},
    {"type": "message_delta", "delta": {"stop_reason": "stop"}},
)


@pytest.mark.parametrize("body", [CHUNKS + b"data: [DONE]\n\n", MESSAGES])
def test_a_stream(body: bytes) -> None:
    assert response_attributes([body], stream=True, messages=True) == {
        "gen_ai.response.id": "c",
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.output.messages": OUTPUT,
    }


def test_a_response_in_events_of_the_responses_api() -> None:
    body = events(
        {"type": "response.created", "response": {"id": "r", "model": "m"}},
        {"type": "response.output_text.delta", "delta": "Hi"},
    )
    said = response_attributes([body], stream=True, messages=True)
    assert (said["gen_ai.response.id"], "Hi" in said["gen_ai.output.messages"]) == ("r", True)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            [*("choices", "delta", "message", "content", "text", "id", "model", "stop_reason", "response", "output"),
             *("messages", "input", "prompt", "system", "role", "type", "stop", "finish_reason", "max_tokens")]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(body=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=50), stream=st.booleans())
def test_any_body_has_attributes(body: bytes, stream: bool) -> None:
    request_attributes(body, messages=True)
    response_attributes([b"data: ", body, b"\n"] if stream else [body], stream=stream, messages=True)
