"""The access log says how each exchange has ended, also where its status was sent long before."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import NewGateway
from tests.gateway.resources import Document, backend, ref, route, rule
from tests.gateway.running import CHAT, Gateway, question
from tests.simulator.running import RunningSimulator


def line(gateway: Gateway, response: httpx.Response) -> dict[str, Any]:
    return gateway.envoy.access_log(response.headers["x-request-id"])


def said(entry: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(entry[name] for name in names)


@pytest.mark.parametrize("stream", [False, True])
def test_a_success_is_ok(gateway: Gateway, stream: bool) -> None:
    entry = line(gateway, gateway.chat(stream=stream))
    assert said(entry, "status", "outcome", "stream", "model", "attempts") == (200, "ok", stream, "nova", 1)
    assert entry["backend"].startswith("default/bedrock/route/models/rule/1")


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("simulator.stream-exception-3", "api_error"),
        ("simulator.stream-throttling-3", "throttling_exception"),
        ("simulator.truncated-3", "upstream_truncated"),
        ("simulator.corrupt-crc-3", "upstream_error"),
    ],
)
def test_a_stream_that_fails_in_the_middle_has_the_code_of_its_error(gateway: Gateway, model: str, code: str) -> None:
    entry = line(gateway, gateway.chat(model, stream=True))
    assert said(entry, "status", "details", "outcome", "stream") == (200, "via_upstream", code, True)


def test_a_connection_that_breaks_in_the_middle_is_incomplete(gateway: Gateway) -> None:
    body = question("simulator.reset-3", stream=True)
    # It may also be a 502, if it broke before Envoy had begun to answer.
    with gateway.client.stream("POST", CHAT, json=body) as response, suppress(httpx.RemoteProtocolError):
        response.read()
    entry = line(gateway, response)
    assert entry["outcome"] == "incomplete"
    assert entry["details"].startswith("upstream_reset_after_response_started")


def test_a_client_that_leaves_is_incomplete(gateway: Gateway) -> None:
    with gateway.client.stream("POST", CHAT, json=question("simulator.hold", stream=True)) as response:
        next(response.iter_raw())
    assert said(line(gateway, response), "status", "outcome", "flags") == (200, "incomplete", "DC")


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("simulator.throttling", 429, "throttling_exception"),
        ("simulator.validation", 400, "invalid_request_error"),
        ("unknown", 404, "model_not_found"),
        ("refused", 503, "upstream_unavailable"),  # Envoy's own reply
    ],
)
def test_an_error_has_its_code(gateway: Gateway, model: str, status: int, code: str) -> None:
    assert said(line(gateway, gateway.chat(model)), "status", "outcome") == (status, code)


def test_a_body_that_is_too_large_has_its_code(gateway: Gateway) -> None:
    response = gateway.chat(text="x" * 13_000_000)
    assert said(line(gateway, response), "status", "outcome") == (413, "request_too_large")


def test_a_list_of_models_is_ok(gateway: Gateway) -> None:
    entry = line(gateway, gateway.client.get("/v1/models"))
    assert said(entry, "outcome", "stream", "model") == ("ok", None, None)


def test_the_ids_of_client_gateway_and_aws_are_beside_each_other(gateway: Gateway) -> None:
    response = gateway.chat(headers={"x-request-id": 'theirs "1"'})
    entry = line(gateway, response)
    ours, aws = response.headers["x-request-id"], response.headers["x-amzn-requestid"]
    assert said(entry, "request_id", "client_request_id", "aws_request_id") == (ours, 'theirs "1"', aws)
    assert "x-aigw-client-request-id" not in dict(gateway.received(response)["headers"])


def test_a_long_id_of_a_client_is_cut(gateway: Gateway) -> None:
    entry = line(gateway, gateway.chat(headers={"x-request-id": "y" * 1000}))
    assert entry["client_request_id"] == "y" * 128


def trusting() -> Document:
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "ClientTrafficPolicy",
        "metadata": {"name": "ids"},
        "spec": {"headers": {"requestID": "PreserveOrGenerate"}},
    }


def test_a_trusted_id_of_a_client_is_the_requests_own(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    gateway = new_gateway(route("any", rule(ref(to="any"))), *backend("bedrock", simulator.port), trusting())
    theirs = "0e0f8a1c-6f8e-4c3e-9d5a-2b1a7f6e5d4c"
    responses = [gateway.chat(headers=headers) for headers in ({"x-request-id": theirs}, {})]
    ids = [response.headers["x-request-id"] for response in responses]
    assert ids[0] == theirs != ids[1]
    assert said(line(gateway, responses[0]), "request_id", "client_request_id") == (theirs, None)
