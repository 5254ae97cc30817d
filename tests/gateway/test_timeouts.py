"""The time limits of answers: of a rule, and those without one."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from tests.gateway.conftest import NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import CHAT, Gateway, error, question
from tests.simulator.running import RunningSimulator

TIMEOUT = error("the upstream did not answer in time", "timeout_error", "upstream_timeout")
LATE, NEVER = "simulator.slow-2500", "simulator.hang"
IDLE = timedelta(seconds=1)
"""The listener's idle timeout, the gateway's default for streams."""


@pytest.fixture(scope="module")
def limited(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    return start_gateway(
        route(
            "models",
            rule(ref(to=LATE), model="late"),
            {**rule(ref(to=NEVER), model="brief"), "timeouts": {"request": "1500ms"}},
            {**rule(ref(to=NEVER), model="lively"), "streamIdleTimeout": "300ms"},
            {**rule(ref(to=LATE), model="patient"), "streamIdleTimeout": "20s"},
            {**rule(ref(to=LATE), model="endless"), "streamIdleTimeout": "0s", "timeouts": {"request": "0s"}},
        ),
        *backend("bedrock", simulator.port),
        idle_timeout=IDLE,
    )


@pytest.mark.parametrize("model", ["late", "patient", "endless"])
def test_a_whole_answer_may_be_idle_for_longer_than_a_stream(limited: Gateway, model: str) -> None:
    assert limited.chat(model).status_code == 200


def test_a_stream_may_be_idle_for_as_long_as_the_listener_allows(limited: Gateway) -> None:
    response = limited.chat("late", stream=True)
    assert (response.status_code, response.json()) == (504, TIMEOUT)


@pytest.mark.parametrize("model", ["patient", "endless"])
def test_a_stream_may_be_idle_for_as_long_as_its_rule_allows(limited: Gateway, model: str) -> None:
    with limited.client.stream("POST", CHAT, json=question(model, stream=True)) as response:
        assert response.status_code == 200
        assert next(response.iter_lines()).startswith("data: ")


def test_a_stream_that_is_idle_for_longer_than_its_rule_allows_ends(limited: Gateway) -> None:
    response = limited.chat("lively", stream=True)
    assert (response.status_code, response.json()) == (504, TIMEOUT)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_may_take_as_long_as_its_rule_says(limited: Gateway, stream: bool) -> None:
    response = limited.chat("brief", stream=stream)
    assert (response.status_code, response.json()) == (504, TIMEOUT)


def test_headers_of_the_time_limits_stay_in_the_gateway(limited: Gateway) -> None:
    received = limited.received(limited.chat("late"))
    assert [name for name, _ in received["headers"] if name.startswith(("x-ai-eg", "x-envoy"))] == []


def test_an_upload_that_stops_ends(limited: Gateway) -> None:
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", limited.envoy.port), timeout=20) as client:
        client.sendall(head)
        assert client.recv(65536).startswith(b"HTTP/1.1 408 ")
