"""Tests for Envoy's own replies, as a client sees them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import anthropic
import grpc
import pytest

from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.render import render, to_yaml
from tests.envoy_config.conftest import BUFFER_LIMIT, Gateway
from tests.envoy_config.processor import forward, immediate
from tests.envoy_config.running import RunningEnvoy, running_envoy
from tests.envoy_config.snapshots import snapshot
from tests.envoy_config.test_messages import answer_too_large, break_off, close_early, never


def error(message: str, type_: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": None, "code": code}}


AT_ONCE = threading.Event()
AT_ONCE.set()

NO_ANSWER = error("the gateway got no answer from the upstream", "api_error", "upstream_unavailable")


def test_a_body_that_is_too_large(gateway: Gateway) -> None:
    response = gateway.chat(b"x" * 2 * BUFFER_LIMIT)
    assert (response.status_code, response.headers["content-type"]) == (413, "application/json")
    assert response.json() == error(
        "the request body is larger than the 1048576 bytes that this gateway accepts",
        "invalid_request_error",
        "request_too_large",
    )


def test_a_refused_connection(gateway: Gateway) -> None:
    gateway.processor.answers["request_body"] = forward("default/refused")
    response = gateway.chat()
    assert (response.status_code, response.json()) == (503, NO_ANSWER)


def test_a_connection_closed_before_the_answer(gateway: Gateway) -> None:
    gateway.upstream.reset(close_early)
    response = gateway.chat()
    assert (response.status_code, response.json()) == (503, NO_ANSWER)


def test_an_unknown_cluster(gateway: Gateway) -> None:
    gateway.processor.answers["request_body"] = forward("default/unknown")
    response = gateway.chat()
    expected = error("the gateway's Envoy has no upstream for this model", "api_error", "upstream_unavailable")
    assert (response.status_code, response.json()) == (503, expected)


def test_an_idle_upstream(gateway: Gateway) -> None:
    gateway.upstream.reset(never)
    response = gateway.chat()
    expected = error("the upstream did not answer in time", "timeout_error", "upstream_timeout")
    assert (response.status_code, response.json()) == (504, expected)


def test_an_incomplete_answer(gateway: Gateway) -> None:
    gateway.upstream.reset(break_off(AT_ONCE))
    response = gateway.chat()
    expected = error("the upstream broke off its answer or did not speak HTTP", "api_error", "upstream_error")
    assert (response.status_code, response.json()) == (502, expected)


def anthropic_error(message: str, type_: str, request_id: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": type_, "message": message}, "request_id": request_id}


@pytest.mark.parametrize("path", ["/v1/messages", "/anthropic/v1/messages", "/anthropic/v1/messages/count_tokens"])
def test_a_message_that_is_too_large(gateway: Gateway, path: str) -> None:
    response = gateway.client.post(path, content=b"x" * 2 * BUFFER_LIMIT)
    message = "the request body is larger than the 1048576 bytes that this gateway accepts"
    assert (response.status_code, response.json()) == (
        413,
        anthropic_error(message, "invalid_request_error", response.headers["x-request-id"]),
    )


def test_a_refused_connection_for_a_message(gateway: Gateway) -> None:
    gateway.processor.answers["request_body"] = forward("default/refused")
    response = gateway.client.post("/anthropic/v1/messages?beta=true", content=b"{}")
    assert (response.status_code, response.json()) == (
        503,
        anthropic_error(NO_ANSWER["error"]["message"], "api_error", response.headers["x-request-id"]),
    )


def test_an_anthropic_client_raises_its_own_exception(gateway: Gateway) -> None:
    gateway.upstream.reset(never)
    with (
        anthropic.Anthropic(base_url=gateway.envoy.url, api_key="k", max_retries=0) as client,
        pytest.raises(anthropic.InternalServerError) as raised,
    ):
        client.messages.create(model="nova", max_tokens=1, messages=[{"role": "user", "content": "Hi"}])
    expected = anthropic_error(
        "the upstream did not answer in time", "timeout_error", raised.value.response.headers["x-request-id"]
    )
    assert (raised.value.status_code, raised.value.body) == (504, expected)


def test_a_path_that_begins_like_messages_is_openais(gateway: Gateway) -> None:
    gateway.processor.answers["request_body"] = forward("default/refused")
    assert gateway.client.post("/v1/messages-of-mine", content=b"{}").json() == NO_ANSWER


def test_an_answer_that_is_too_large(gateway: Gateway) -> None:
    gateway.upstream.reset(answer_too_large(AT_ONCE))
    response = gateway.chat()
    expected = error(
        "the upstream's answer is larger than the 1048576 bytes that this gateway holds",
        "api_error",
        "upstream_error",
    )
    assert (response.status_code, response.json()) == (500, expected)


PROCESSOR_FAILED = error(
    "the gateway could not process the request; its access log says why", "api_error", "gateway_error"
)


def test_a_processors_failure_is_not_described(gateway: Gateway) -> None:
    def fail(_: object) -> Any:
        raise RuntimeError("canary")

    gateway.processor.answers["request_headers"] = fail
    response = gateway.chat()
    assert (response.status_code, response.json()) == (500, PROCESSOR_FAILED)
    assert "canary" not in f"{response.headers}"


def test_a_processor_that_does_not_answer_in_time(gateway: Gateway) -> None:
    def wait(_: object) -> Any:
        cancelled.wait(20)
        raise grpc.RpcError

    cancelled = threading.Event()
    gateway.processor.answers["request_body"] = wait
    response = gateway.chat()
    cancelled.set()
    assert (response.status_code, response.json()) == (504, PROCESSOR_FAILED)


def test_replies_without_our_prefix_are_replaced(gateway: Gateway) -> None:
    gateway.processor.answers["request_body"] = immediate(details="other")
    assert gateway.chat().json() == error(
        "the gateway refused the request: other", "invalid_request_error", "bad_request"
    )


@pytest.mark.parametrize(
    ("request_", "status", "details"),
    [
        (b"GARBAGE\r\n\r\n", 400, "http1.codec_error"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "missing_host_header"),
        (b"GET /%00 HTTP/1.1\r\nhost: x\r\n\r\n", 400, "path_normalization_failed"),
        (b"GET / HTTP/1.0\r\nhost: x\r\n\r\n", 426, "low_version"),
        (b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"a" * 70_000 + b"\r\n\r\n", 431, "http1.headers_too_large"),
    ],
)
def test_a_request_that_cannot_be_parsed_gets_a_reply(
    gateway: Gateway, request_: bytes, status: int, details: str
) -> None:
    assert raw(gateway.envoy, request_) == (
        status,
        error(f"the gateway refused the request: {details}", "invalid_request_error", "bad_request"),
    )


def raw(envoy: RunningEnvoy, request: bytes) -> tuple[int, Any]:
    """Send these bytes, and return the status and JSON body of the answer."""
    with socket.create_connection(("127.0.0.1", envoy.port), timeout=10) as client:
        client.sendall(request)
        with client.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.fixture(scope="module")
def without_processor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEnvoy]:
    folder = tmp_path_factory.mktemp("e")
    options = Options(
        listen=Address(host="127.0.0.1", port=0),
        processors=(folder / "none.sock",),
        admin=folder / "admin.sock",
    )
    with running_envoy(to_yaml(render(snapshot(), options)), folder, folder / "admin.sock") as envoy:
        yield envoy


def test_no_processor(without_processor: RunningEnvoy) -> None:
    assert raw(without_processor, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") == (
        500,
        PROCESSOR_FAILED,
    )
