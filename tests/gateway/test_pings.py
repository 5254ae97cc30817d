"""Streams in whose silences the client gets pings, and those that end because the upstream is silent for too long."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.envoy_config.running import wait_for
from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.simulator.running import RunningSimulator

OFTEN = {"aigw-extproc/ping-seconds": "0.1"}
IMPATIENT = {**OFTEN, "aigw-extproc/silence-seconds": "0.5"}
OFF = {"aigw-extproc/ping-seconds": "0"}
COMMENT, EVENT = ": ping", "event: ping"
HELLO: Any = {"role": "user", "content": "Hello!"}
FUNCTION = {"name": "look", "parameters": {"type": "object", "properties": {}}}
CHAT: dict[str, Any] = {"messages": [HELLO], "tools": [{"type": "function", "function": FUNCTION}]}
RESPONSE: dict[str, Any] = {"input": "Hello!", "tools": [{"type": "function", **FUNCTION}]}
MESSAGE: dict[str, Any] = {
    "messages": [HELLO],
    "max_tokens": 100,
    "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {}}}],
}
APIS: dict[str, tuple[dict[str, Any], str, str]] = {
    "/v1/chat/completions": (CHAT, COMMENT, "data: [DONE]"),
    "/v1/responses": (RESPONSE, COMMENT, "event: response.completed"),
    "/v1/messages": (MESSAGE, EVENT, "event: message_stop"),
}


@pytest.fixture(scope="module")
def pinging(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    """`NAME/FAULT` goes to the backend NAME, and to the simulator's model for that fault."""
    backends = {
        "often": (OFTEN, "AWSBedrock"),
        "invoked": (OFTEN, "AWSAnthropic"),
        "impatient": (IMPATIENT, "AWSBedrock"),
        "off": (OFF, "AWSBedrock"),
    }
    faults = ("hold", "slow-300")
    rules = [rule(ref(name, to=f"simulator.{fault}"), model=f"{name}/{fault}") for name in backends for fault in faults]
    documents = [
        backend(name, simulator.port, annotations=annotations, schema={"name": schema})
        for name, (annotations, schema) in backends.items()
    ]
    return start_gateway(route("any", *rules), *(document for one in documents for document in one))


@contextmanager
def streamed(gateway: Gateway, path: str, **body: Any) -> Iterator[httpx.Response]:
    with gateway.client.stream("POST", path, json={**body, "stream": True}, timeout=30) as response:
        assert response.status_code == 200
        yield response


@pytest.mark.parametrize("path", APIS)
@pytest.mark.parametrize("name", ["often", "invoked"])
def test_a_silence_has_pings_and_the_stream_goes_on(pinging: Gateway, path: str, name: str) -> None:
    body, ping, last = APIS[path]
    with streamed(pinging, path, model=f"{name}/hold", **body) as response:
        lines = response.iter_lines()
        heard = [next(lines)]
        while heard.count(ping) < 2:
            heard.append(next(lines))
        heard += acknowledged(pinging, response, lines)
    assert last in heard


def acknowledged(gateway: Gateway, response: httpx.Response, lines: Iterator[str]) -> Iterator[str]:
    """Yield the rest of a held response; at each ping, the next frame is let through."""
    for line in lines:
        if line in (COMMENT, EVENT):
            gateway.simulator.acknowledge(response.headers["x-amzn-requestid"])
        yield line


@pytest.mark.parametrize("path", APIS)
def test_an_upstream_that_stays_silent_ends_in_an_error(pinging: Gateway, path: str) -> None:
    body, ping, _ = APIS[path]
    counted = {"status": "200", "code": "upstream_timeout"}
    operation = {"/v1/chat/completions": "chat", "/v1/responses": "responses", "/v1/messages": "messages"}[path]
    before = pinging.processor.metric("aigw_exchanges_total", operation=operation, **counted)
    with streamed(pinging, path, model="impatient/hold", **body) as response:
        text = "".join(response.iter_text())  # raises if the connection is cut
    assert ping in text
    sent = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    error = next(event["error"] for event in sent if event.get("error"))
    assert (error["type"], error["message"]) == (
        "timeout_error",
        "the upstream fell silent in the middle of its response",
    )
    pinging.wait_until_idle()
    assert pinging.processor.metric("aigw_exchanges_total", operation=operation, **counted) == before + 1


def test_pings_can_be_turned_off(pinging: Gateway) -> None:
    with streamed(pinging, "/v1/chat/completions", model="off/slow-300", **CHAT) as response:
        lines = list(response.iter_lines())
    assert (lines.count(COMMENT), lines.count("data: [DONE]")) == (0, 1)


def test_a_stream_of_text_alone_has_none(pinging: Gateway) -> None:
    with streamed(pinging, "/v1/chat/completions", model="often/slow-300", messages=[HELLO]) as response:
        assert COMMENT not in list(response.iter_lines())


def test_openais_sdk_ignores_pings(pinging: Gateway) -> None:
    with openai.OpenAI(base_url=f"{pinging.url}/v1", **SDK_OPTIONS) as client:
        chunks = list(client.chat.completions.create(model="often/slow-300", stream=True, **CHAT))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello! You said: Hello!"
        with client.responses.stream(model="often/slow-300", **RESPONSE) as stream:
            assert stream.get_final_response().output_text == "Hello! You said: Hello!"


def test_anthropics_sdk_ignores_pings(pinging: Gateway) -> None:
    with anthropic.Anthropic(base_url=pinging.url, **SDK_OPTIONS) as client:
        for name in ("often", "invoked"):
            with client.messages.stream(model=f"{name}/slow-300", **MESSAGE) as stream:
                assert stream.get_final_text() == "Hello! You said: Hello!"


def test_a_client_that_leaves_in_a_silence(pinging: Gateway) -> None:
    """The stream of the processor ends, and with it the pings."""
    with streamed(pinging, "/v1/chat/completions", model="often/hold", **CHAT) as response:
        lines = response.iter_lines()
        wait_for(lambda: next(lines) == COMMENT or None, what="a ping")
    pinging.wait_until_idle()
    assert pinging.processor.metric("aigw_defects_total") == 0
