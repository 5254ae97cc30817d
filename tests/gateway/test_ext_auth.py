"""Authorization services and CORS, which are Envoy's filters before the processor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.envoy_config.running import refused_port, wait_for
from tests.gateway.authorizers import GOOD, Authorizer, grpc_authorizer, http_authorizer
from tests.gateway.conftest import NewGateway
from tests.gateway.policies import secret
from tests.gateway.resources import Document, backend, ref, route, rule, write
from tests.gateway.running import CHAT, Gateway, question
from tests.simulator.running import RunningSimulator

NOVA = "us.amazon.nova-micro-v1:0"
GATEWAY: Document = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "edge"},
    "spec": {},
}
MESSAGES = "/v1/messages"


def policy(**spec: Any) -> Document:
    targets = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}]
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "SecurityPolicy",
        "metadata": {"name": "edge"},
        "spec": {"targetRefs": targets, **spec},
    }


def service(name: str, port: int) -> Document:
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "Backend",
        "metadata": {"name": name},
        "spec": {"endpoints": [{"ip": {"address": "127.0.0.1", "port": port}}]},
    }


def documents(simulator: RunningSimulator, port: int, *more: Document, **spec: Any) -> list[Document]:
    user = rule(ref(to=NOVA), model="mine", x_current_user="user1")
    routed = route("models", rule(ref(to=NOVA), model="model"), user)
    return [GATEWAY, routed, policy(**spec), service("authorizer", port), *backend("bedrock", simulator.port), *more]


REF = {"name": "authorizer", "kind": "Backend", "group": "gateway.envoyproxy.io"}


@pytest.fixture(scope="module")
def http_service() -> Iterator[Authorizer]:
    with http_authorizer() as running:
        yield running


@pytest.fixture(scope="module")
def grpc_service() -> Iterator[Authorizer]:
    with grpc_authorizer() as running:
        yield running


@pytest.fixture(scope="module")
def asking(start_gateway: NewGateway, simulator: RunningSimulator, http_service: Authorizer) -> Gateway:
    http = {
        "backendRefs": [REF],
        "path": "/check",
        "headersToBackend": ["X-Current-User"],
        "headersToClientOnSuccess": ["x-session"],
    }
    fields = {"headersToExtAuth": ["x-team"], "bodyToExtAuth": {"maxRequestBytes": 4096}}
    return start_gateway(*documents(simulator, http_service.port, extAuth={"http": http, **fields}))


def test_an_http_service_lets_a_request_in(asking: Gateway, http_service: Authorizer) -> None:
    headers = {"authorization": GOOD, "x-team": "search", "x-current-user": "forged", "x-other": "secret"}
    response = asking.chat("model", headers=headers)
    assert response.status_code == 200
    path, sent, body = http_service.asked[-1]
    assert path == "/check/v1/chat/completions"
    assert (sent["authorization"], sent["x-team"]) == (GOOD, "search")
    assert "x-other" not in sent
    assert b'"model"' in body
    received = {name.lower(): value for name, value in asking.received(response)["headers"]}
    assert received["x-current-user"] == "user1"
    assert response.headers["x-session"] == "seen"


def test_rules_match_the_services_answer_and_not_the_clients_header(asking: Gateway) -> None:
    assert asking.chat("mine", headers={"authorization": GOOD}).status_code == 200
    assert asking.chat("mine", headers={"authorization": GOOD, "x-current-user": "forged"}).status_code == 200


def test_a_refusal_without_a_body_has_the_clients_format(asking: Gateway) -> None:
    before = len(asking.simulator.requests())
    response = asking.chat("model", headers={"authorization": "Bearer junk"})
    assert response.status_code == 401
    message = "the authorization service of this gateway does not know the client"
    assert response.json() == {
        "error": {"message": message, "type": "authentication_error", "param": None, "code": "unauthorized"}
    }
    response = asking.client.post(MESSAGES, json={**question("model"), "max_tokens": 10})
    assert response.json()["error"] == {"type": "authentication_error", "message": message}
    assert "x-aigw-local-reply" not in response.headers
    assert len(asking.simulator.requests()) == before


def test_a_refusal_with_a_body_is_passed_on(asking: Gateway) -> None:
    response = asking.chat("model", headers={"authorization": "Bearer explained"})
    assert (response.status_code, response.json()) == (403, {"reason": "no"})


def test_a_grpc_service(simulator: RunningSimulator, grpc_service: Authorizer, new_gateway: NewGateway) -> None:
    gateway = new_gateway(*documents(simulator, grpc_service.port, extAuth={"grpc": {"backendRefs": [REF]}}))
    assert gateway.chat("model", headers={"authorization": GOOD}).status_code == 200
    response = gateway.chat("model", headers={"authorization": "Bearer junk"})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "permission_denied")
    assert grpc_service.asked[-1][0] == CHAT


@pytest.mark.parametrize(("fail_open", "status"), [(False, 503), (True, 200)])
def test_a_service_that_is_down(
    simulator: RunningSimulator, new_gateway: NewGateway, fail_open: bool, status: int
) -> None:
    with refused_port() as port:
        fields = {"http": {"backendRefs": [REF]}, "failOpen": fail_open}
        gateway = new_gateway(*documents(simulator, port, extAuth=fields))
        response = gateway.chat("model", headers={"authorization": GOOD})
        assert response.status_code == status
        if not fail_open:
            assert response.json()["error"]["code"] == "authorization_unavailable"


def test_an_envoy_without_the_filter_lets_nobody_in(
    simulator: RunningSimulator, http_service: Authorizer, new_gateway: NewGateway
) -> None:
    """The Envoy of these tests keeps its first configuration, as one that is not ours does."""
    closed = documents(simulator, http_service.port, extAuth={"http": {"backendRefs": [REF]}})
    gateway = new_gateway(*(each for each in closed if each["kind"] != "SecurityPolicy"))
    assert gateway.chat("model", headers={"authorization": GOOD}).status_code == 200
    write(gateway.resources, *closed)
    wait_for(lambda: gateway.chat("model").status_code != 200 or None, what="the policy")
    response = gateway.chat("model", headers={"authorization": GOOD})
    assert (response.status_code, response.json()["error"]["code"]) == (500, "gateway_misconfigured")


# --- CORS -------------------------------------------------------------------------------------------------------

PAGE = "https://app.example.com"
CORS = {
    "allowOrigins": ["https://*.example.com"],
    "allowMethods": ["POST"],
    "allowHeaders": ["authorization", "content-type"],
    "exposeHeaders": ["x-request-id"],
    "maxAge": "1h",
}


@pytest.fixture(scope="module")
def for_pages(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    keys = secret("keys", page="key-of-page")
    return start_gateway(*documents(simulator, 1, keys, cors=CORS, apiKeyAuth={"credentialRefs": [{"name": "keys"}]}))


def preflight(gateway: Gateway, origin: str) -> httpx.Response:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    return gateway.client.options(CHAT, headers={"origin": origin, **asked})


def test_a_preflight_needs_no_key(for_pages: Gateway) -> None:
    response = preflight(for_pages, PAGE)
    assert response.status_code == 200
    assert {name: value for name, value in response.headers.items() if name.startswith("access-control-")} == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "authorization, content-type",
        "access-control-max-age": "3600",
        "access-control-expose-headers": "x-request-id",
    }


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://example.com", "https://a.example.com.evil.example"]
)
def test_the_preflight_of_another_page_is_refused(for_pages: Gateway, origin: str) -> None:
    response = preflight(for_pages, origin)
    assert response.status_code == 401
    assert "access-control-allow-origin" not in response.headers


def test_a_page_sends_json_with_its_key(for_pages: Gateway) -> None:
    headers = {"origin": PAGE, "sec-fetch-site": "cross-site", "authorization": "Bearer key-of-page"}
    response = for_pages.chat("model", headers=headers)
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (200, PAGE)


def test_a_page_can_read_errors(for_pages: Gateway) -> None:
    response = for_pages.chat("model", headers={"origin": PAGE, "authorization": "Bearer junk"})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (401, PAGE)


# --- addresses --------------------------------------------------------------------------------------------------


def from_networks(*networks: str) -> Document:
    rules = [{"action": "Allow", "principal": {"clientCIDRs": list(networks)}}]
    return {"defaultAction": "Deny", "rules": rules}


@pytest.mark.parametrize(("networks", "status"), [(["127.0.0.0/8"], 200), (["10.0.0.0/8", "::1/128"], 403)])
def test_the_address_of_the_connection(
    simulator: RunningSimulator, new_gateway: NewGateway, networks: list[str], status: int
) -> None:
    gateway = new_gateway(*documents(simulator, 1, authorization=from_networks(*networks)))
    forged = {"x-aigw-address": "10.0.0.1", "x-forwarded-for": "10.0.0.1", "x-envoy-external-address": "10.0.0.1"}
    for headers in ({}, forged):
        response = gateway.chat("model", headers=headers)
        assert response.status_code == status
    if status == 200:
        assert "x-aigw-address" not in {name.lower() for name, _ in gateway.received(response)["headers"]}


def test_the_address_behind_a_trusted_proxy(simulator: RunningSimulator, new_gateway: NewGateway) -> None:
    detection = {"clientIPDetection": {"xForwardedFor": {"numTrustedHops": 1}}}
    proxies = {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "ClientTrafficPolicy",
        "metadata": {"name": "proxies"},
        "spec": detection,
    }
    gateway = new_gateway(*documents(simulator, 1, proxies, authorization=from_networks("10.0.1.0/24")))
    for forwarded, status in (("10.0.1.1", 200), ("10.0.1.1, 10.0.2.1", 403), ("10.0.2.1, 10.0.1.1", 200)):
        assert gateway.chat("model", headers={"x-forwarded-for": forwarded}).status_code == status


def test_an_envoy_that_does_not_say_the_address_lets_nobody_in(
    simulator: RunningSimulator, new_gateway: NewGateway
) -> None:
    closed = documents(simulator, 1, authorization=from_networks("0.0.0.0/0"))
    gateway = new_gateway(*(each for each in closed if each["kind"] != "SecurityPolicy"))
    write(gateway.resources, *closed)
    forged = {"x-aigw-address": "127.0.0.1"}
    wait_for(lambda: gateway.chat("model", headers=forged).status_code == 403 or None, what="the policy")
