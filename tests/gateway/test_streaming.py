"""Streamed chat completions."""

from __future__ import annotations

import openai
import pytest

from aigw_extproc.simulator import frames
from aigw_extproc.simulator.converse import LATENCY_MS
from tests.envoy_config.running import Handler, Upstream
from tests.gateway.running import CHAT, Gateway, events, question

TEXT = "Hello! You said: Hello!"
USAGE = {
    "prompt_tokens": 2,
    "completion_tokens": 4,
    "total_tokens": 6,
    "prompt_tokens_details": {"cached_tokens": 0, "cache_creation_tokens": 0},
}


def choice(finish_reason: str | None = None, **delta: str) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


CHOICES = [
    [choice(role="assistant")],
    [choice(content="Hello! ")],
    [choice(content="You ")],
    [choice(content="said: ")],
    [choice(content="Hello!")],
    [choice("stop")],
]
"""What the chunks say, one after the other."""


def test_a_stream(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(model="nova", messages=[{"role": "user", "content": "Hello!"}], stream=True)
    )
    common = {"object": "chat.completion.chunk", "model": "nova", "id": chunks[0].id, "created": chunks[0].created}
    assert [chunk.to_dict() for chunk in chunks] == [{**common, "choices": choices} for choices in CHOICES]


async def test_a_stream_with_the_asynchronous_client(async_client: openai.AsyncOpenAI) -> None:
    stream = await async_client.chat.completions.create(
        model="nova", messages=[{"role": "user", "content": "Hello!"}], stream=True
    )
    assert [chunk.to_dict()["choices"] async for chunk in stream] == CHOICES


def test_a_stream_with_usage(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(
        model="nova",
        messages=[{"role": "user", "content": "Hello!"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    told = [(chunk.to_dict()["choices"], chunk.to_dict()["usage"]) for chunk in chunks]
    assert told == [*((choices, None) for choices in CHOICES), ([], USAGE)]


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
def test_a_stream_is_done_once_and_at_its_end(gateway: Gateway, options: dict[str, object]) -> None:
    body = gateway.chat(stream=True, **options).text
    assert (events(body).index("[DONE]"), body.count("[DONE]")) == (len(events(body)) - 1, 1)
    assert body.endswith("\n\ndata: [DONE]\n\n")


def test_the_headers_of_a_stream(gateway: Gateway) -> None:
    response = gateway.chat(stream=True)
    names = ("content-type", "cache-control", "content-length", "transfer-encoding")
    assert {name: response.headers.get(name) for name in names} == {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "content-length": None,
        "transfer-encoding": "chunked",
    }
    assert gateway.received(response)["path"] == "/model/us.amazon.nova-micro-v1%3A0/converse-stream"


@pytest.mark.parametrize("framing", ["content-length", "trailers"])
def test_however_the_upstream_frames_its_body(gateway: Gateway, elsewhere: Upstream, framing: str) -> None:
    elsewhere.answer = FRAMINGS[framing]
    response = gateway.chat("elsewhere", stream=True)
    assert ("content-length" in response.headers, response.text.endswith("data: [DONE]\n\n")) == (False, True)


WHOLE = frames.event("messageStart", {"role": "assistant"}) + frames.event("messageStop", {"stopReason": "end_turn"})


def with_content_length(handler: Handler) -> None:
    """A stream whose length is known beforehand."""
    handler.send_response_only(200)
    handler.send_header("content-type", frames.CONTENT_TYPE)
    handler.send_header("content-length", str(len(WHOLE)))
    handler.end_headers()
    handler.wfile.write(WHOLE)


def with_trailers(handler: Handler) -> None:
    """A chunked stream with a header behind it."""
    handler.send_response_only(200)
    handler.send_header("content-type", frames.CONTENT_TYPE)
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"%x\r\n%b\r\n0\r\nx-checksum: 1\r\n\r\n" % (len(WHOLE), WHOLE))


FRAMINGS = {"content-length": with_content_length, "trailers": with_trailers}


@pytest.mark.parametrize("size", [1, 7, 100])
def test_frames_may_be_cut_anywhere(gateway: Gateway, size: int) -> None:
    told = events(gateway.chat(f"simulator.split-{size}", stream=True).text)
    assert [event["choices"] for event in told[:-1]] == CHOICES


def test_a_long_stream_is_whole(gateway: Gateway) -> None:
    told = events(gateway.chat("simulator.long-5000", stream=True).text)
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in told[:-1])
    assert text == " ".join(f"word{number}" for number in range(1, 5001))


def test_a_stream_is_not_held_up(gateway: Gateway) -> None:
    """The simulator sends a frame only when the one before has been acknowledged, which is done on its SSE event.

    The end of a block is the one frame that a client is not told of; so the last piece of the text counts for two.
    """
    with gateway.client.stream("POST", CHAT, json=question("simulator.hold", stream=True)) as response:
        told = []
        for line in filter(None, response.iter_lines()):
            told += events(line)
            last_of_text = told[-1] != "[DONE]" and told[-1]["choices"] == CHOICES[4]
            for _ in range(2 if last_of_text else 1):
                gateway.simulator.acknowledge(response.headers["x-amzn-requestid"])
    assert [event["choices"] for event in told[:-1]] == CHOICES
    assert told[-1] == "[DONE]"


def test_tokens_and_latency_are_recorded(gateway: Gateway) -> None:
    model = {"gen_ai_original_model": "simulator.long-7"}
    gateway.chat("simulator.long-7", stream=True)
    gateway.chat("simulator.long-7")
    gateway.wait_until_idle()
    tokens = {"gen_ai_token_type": "output", **model}
    assert gateway.processor.metric("gen_ai_client_token_usage_token_sum", **tokens) == 14
    latency = gateway.processor.metric("aigw_bedrock_latency_seconds_sum", **model)
    assert latency == pytest.approx(2 * LATENCY_MS / 1000)
