"""Clients that go away: the upstream is let go at once, and nothing stays behind."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy_config.running import wait_for
from tests.gateway.running import CHAT, Gateway, question


def until(condition: Callable[[], bool], what: str) -> None:
    wait_for(lambda: True if condition() else None, what=what)


def leave_mid_stream(gateway: Gateway) -> str:
    """Reads the first event of a stream that would never end by itself, and goes. Returns the request's id."""
    with gateway.client.stream("POST", CHAT, json=question("simulator.hold", stream=True)) as response:
        next(response.iter_lines())
        return response.headers["x-amzn-requestid"]


def leave_early(gateway: Gateway, **fields: Any) -> str:
    """Goes before the answer has begun. Returns the request's id."""
    known = {entry["id"] for entry in gateway.simulator.requests()}
    body = json.dumps(question("simulator.slow-60000", **fields)).encode()
    with socket.create_connection(("127.0.0.1", gateway.envoy.port)) as client:
        head = (
            f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        client.sendall(head.encode() + body)
        new = lambda: {entry["id"] for entry in gateway.simulator.requests()} - known  # noqa: E731 - asked repeatedly
        until(lambda: bool(new()), "the request at the simulator")
        return new().pop()


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(leave_mid_stream, id="in the middle of a stream"),
        pytest.param(lambda gateway: leave_early(gateway, stream=True), id="before a stream"),
        pytest.param(leave_early, id="before a whole answer"),
    ],
)
def test_the_upstream_is_let_go(gateway: Gateway, leave: Callable[[Gateway], str]) -> None:
    request_id = leave(gateway)
    until(lambda: gateway.request(request_id)["client_disconnected"], "the simulator to lose its client")


def test_an_exchange_is_active_while_it_lasts(gateway: Gateway) -> None:
    gateway.wait_until_idle()
    with gateway.client.stream("POST", CHAT, json=question("simulator.hold", stream=True)) as response:
        lines = response.iter_lines()  # kept: an iterator that is let go closes the connection
        next(lines)
        assert gateway.processor.metric("aigw_active_exchanges") == 1
    gateway.wait_until_idle()


def test_nothing_stays_behind(gateway: Gateway) -> None:
    """Streams, connections and descriptors, on every side, are as many as before."""
    leave_mid_stream(gateway)
    gateway.wait_until_idle()
    before = descriptors(gateway)
    for _ in range(30):
        leave_mid_stream(gateway)
    gateway.wait_until_idle()
    until(lambda: active_in_envoy(gateway) == {0}, "Envoy to have no request")
    until(lambda: descriptors(gateway) <= before, "the processor's descriptors to be closed")


def test_a_client_that_went_away_is_counted(gateway: Gateway) -> None:
    counted = {"operation": "chat", "status": "200", "code": ""}
    before = gateway.processor.metric("aigw_exchanges_total", **counted)
    leave_mid_stream(gateway)
    until(lambda: gateway.processor.metric("aigw_exchanges_total", **counted) == before + 1, "the exchange's count")


def test_an_upload_that_is_broken_off(gateway: Gateway) -> None:
    exchanges = lambda: gateway.processor.metric("aigw_exchanges_total", operation="chat", status="0")  # noqa: E731
    gateway.wait_until_idle()
    before = exchanges()
    with socket.create_connection(("127.0.0.1", gateway.envoy.port)) as client:
        client.sendall(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{{".encode())
        until(lambda: gateway.processor.metric("aigw_active_exchanges") == 1, "the exchange to begin")
    until(lambda: exchanges() == before + 1, "the exchange to end")


def descriptors(gateway: Gateway) -> float:
    return gateway.processor.metric("process_open_fds")


def active_in_envoy(gateway: Gateway) -> set[int]:
    """How many requests Envoy has under way: at its listener, to the simulator, to the processor."""
    stats = gateway.envoy.admin.get("/stats", params={"filter": "rq_active$"}).text
    wanted = ("http.aigw.", "cluster.default/bedrock.", "cluster.aigw-extproc.")
    return {int(line.rpartition(" ")[2]) for line in stats.splitlines() if line.startswith(wanted)}
