"""What of a client's request reaches AWS, and where it goes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.envoy_config.running import Handler, Upstream
from tests.gateway.running import CHAT, Gateway, question

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
INTRUSIVE = {
    "authorization": "Bearer client-key",
    "x-api-key": "client-key",
    "api-key": "client-key",
    "cookie": "session=client-key",
    "proxy-authorization": "Basic client-key",
    "x-ai-eg-model": "dice",
    "x-ai-eg-backend": "default/refused",
    "x-ai-eg-other": "1",
    "x-aigw-local-reply": "true",
    "x-envoy-retry-on": "5xx",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-original-path": "/elsewhere",
    "x-forwarded-for": "192.0.2.1",
    "x-forwarded-host": "elsewhere",
    "x-forwarded-proto": "https",
    "forwarded": "for=192.0.2.1",
    "x-request-id": "client's own",
    "x-amz-date": "20200101T000000Z",
    "x-amz-security-token": "client-key",
    "x-amzn-bedrock-trace": "ENABLED",
    "x-simulator-fault": "throttling",
    "x-unheard-of": "1",
    "accept": "text/plain",
    "accept-encoding": "gzip",
    "accept-language": "en",
    "origin": "https://client.example",
    "referer": "https://client.example",
    "user-agent": "client",
    "te": "trailers",
    "traceparent": TRACE,
    "tracestate": "a=b",
}
"""All that a client might send along; of it only the last two may pass."""


def headers_at_bedrock(gateway: Gateway, response: Any) -> list[tuple[str, str]]:
    """What the simulator received, the varying parts replaced."""
    varying = {
        "host": rf"127\.0\.0\.1:{gateway.simulator.port}",
        "x-request-id": re.escape(response.headers["x-request-id"]),
        "x-amz-date": r"\d{8}T\d{6}Z",
        "authorization": r"AWS4-HMAC-SHA256 \d{8}/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date",
    }
    received = gateway.received(response)["headers"]
    return sorted((name, "…" if re.fullmatch(varying.get(name, "$"), value) else value) for name, value in received)


EXACTLY = [
    ("accept", "application/json"),
    ("authorization", "…"),
    ("content-length", "60"),
    ("content-type", "application/json"),
    ("host", "…"),
    ("user-agent", "aigw-extproc"),
    ("x-amz-date", "…"),
    ("x-request-id", "…"),
]


def test_exactly_these_headers_reach_bedrock(gateway: Gateway) -> None:
    response = gateway.chat()
    assert headers_at_bedrock(gateway, response) == EXACTLY


def test_of_a_clients_headers_only_those_for_tracing_pass(gateway: Gateway) -> None:
    response = gateway.chat(headers=INTRUSIVE)
    tracing = [("traceparent", TRACE), ("tracestate", "a=b")]
    assert headers_at_bedrock(gateway, response) == sorted([*EXACTLY, *tracing])


def test_a_stream_is_asked_for_by_its_own_media_type(gateway: Gateway) -> None:
    response = gateway.chat(stream=True)
    expected = [("accept", "application/vnd.amazon.eventstream"), *EXACTLY[1:]]
    assert headers_at_bedrock(gateway, response) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-ai-eg-model", "refused"),
        ("x-ai-eg-backend", "default/refused"),
        ("x-aigw-local-reply", "true"),
        ("host", "refused.example"),
        ("x-envoy-original-dst-host", "192.0.2.1:80"),
    ],
)
def test_a_client_cannot_choose_the_way(gateway: Gateway, name: str, value: str) -> None:
    response = gateway.chat(headers={name: value})
    path = gateway.received(response)["path"]
    assert (response.status_code, path) == (200, "/model/us.amazon.nova-micro-v1%3A0/converse")


def test_a_client_cannot_have_an_error_taken_for_envoys_own(gateway: Gateway) -> None:
    response = gateway.chat("simulator.html", headers={"x-aigw-local-reply": "true"})
    assert response.json()["error"]["code"] == "upstream_error"


FROM_UPSTREAM = {
    "set-cookie": "session=1",
    "alt-svc": 'h3=":443"',
    "x-aigw-dropped-params": "forged",
    "x-aigw-local-reply": "true",
    "access-control-allow-origin": "*",
    "x-amzn-bedrock-input-token-count": "1",
    "x-amzn-requestid": "R",
    "request-id": "R",
    "retry-after": "3",
    "x-ratelimit-limit-tokens": "9",
    "openai-processing-ms": "9",
    "www-authenticate": "Bearer",
}
NOT_FOR_CLIENTS = tuple(FROM_UPSTREAM)[:6]
FOR_CLIENTS = {name: FROM_UPSTREAM[name] for name in tuple(FROM_UPSTREAM)[6:]}
SUCCESS = b'{"output":{"message":{"role":"assistant","content":[{"text":"Hi."}]}},"stopReason":"end_turn"}'
FAILURE = b'{"message":"Slow down."}'


def answering(body: bytes, status: int = 200) -> Callable[[Handler], None]:
    """Answer with every header of `FROM_UPSTREAM`."""

    def answer(handler: Handler) -> None:
        handler.send_response_only(status)
        headers = {"content-type": "application/json", "content-length": str(len(body)), "date": "now", "server": "x"}
        for name, value in (headers | FROM_UPSTREAM).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.mark.parametrize(("body", "status"), [(SUCCESS, 200), (FAILURE, 429)])
def test_of_an_upstreams_headers_only_listed_ones_reach_the_client(
    gateway: Gateway, elsewhere: Upstream, body: bytes, status: int
) -> None:
    elsewhere.reset(answering(body, status))
    response = gateway.chat("elsewhere")
    assert response.status_code == status
    assert response.headers.keys().isdisjoint(NOT_FOR_CLIENTS)
    assert FOR_CLIENTS.items() <= dict(response.headers).items()
    assert response.headers["x-request-id"]


def test_an_upstream_cannot_say_which_parameters_were_dropped(gateway: Gateway, elsewhere: Upstream) -> None:
    elsewhere.reset(answering(SUCCESS))
    assert gateway.chat("elsewhere", seed=1).headers["x-aigw-dropped-params"] == "seed"


def test_a_client_cannot_reach_a_model_by_its_path(gateway: Gateway) -> None:
    response = gateway.client.post(f"{CHAT}?model=dice", json=question())
    assert gateway.received(response)["path"] == "/model/us.amazon.nova-micro-v1%3A0/converse"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("us.amazon.nova-micro-v1:0", "/model/us.amazon.nova-micro-v1%3A0/converse"),
        ("nova", "/model/us.amazon.nova-micro-v1%3A0/converse"),
        ("anthropic.claude-v2", "/model/anthropic.claude-v2/converse"),
        ("us.anthropic.claude-sonnet-4", "/model/us.anthropic.claude-sonnet-4/converse"),
    ],
)
def test_the_model_decides(gateway: Gateway, model: str, path: str) -> None:
    response = gateway.chat(model)
    assert (gateway.received(response)["path"], response.json()["model"]) == (path, model)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("anthropic.claude-../x?y#z", "/model/anthropic.claude-..%2Fx%3Fy%23z/converse"),
        ("anthropic.claude-%2e%2e/é", "/model/anthropic.claude-%252e%252e%2F%C3%A9/converse"),
    ],
)
def test_a_model_cannot_change_the_path(gateway: Gateway, model: str, path: str) -> None:
    response = gateway.chat(model)
    received = gateway.received(response)
    # The simulator, like Bedrock, has no model of such a name; that it says so means that the signature was right.
    assert (received["path"], received["error_type"].partition(":")[0]) == (path, "ValidationException")


@pytest.mark.parametrize("model", ["xanthropic.claude-v2", "Nova", "nova "])
def test_a_model_that_only_resembles_one_is_unknown(gateway: Gateway, model: str) -> None:
    assert gateway.chat(model).status_code == 404


def test_a_rule_with_more_conditions_goes_first(gateway: Gateway) -> None:
    response = gateway.chat(headers={"x-tier": "premium"})
    assert gateway.received(response)["path"] == "/model/premium.nova/converse"


def test_under_a_host_any_model_is_taken(gateway: Gateway) -> None:
    response = gateway.chat("nobody", headers={"host": "any.example:8080"})
    assert gateway.received(response)["path"] == "/model/catch.all/converse"


@pytest.mark.parametrize(
    "host", ["x@any.example", "any.example:x@other", "[any.example]", "any.example.", "any.example.:80"]
)
def test_what_is_not_the_name_of_a_host_does_not_choose_its_routes(gateway: Gateway, host: str) -> None:
    """Envoy passes them on, and a proxy before it could take them for another host."""
    assert gateway.chat("nobody", headers={"host": host}).status_code == 404


def test_weights_are_kept(gateway: Gateway) -> None:
    """3:1 and nought; 100 throws leave 75 by more than 5 standard deviations (4.3 each) once in millions of runs."""
    paths = Counter(gateway.received(gateway.chat("dice"))["path"] for _ in range(100))
    assert set(paths) == {"/model/weighted.a/converse", "/model/weighted.b/converse"}
    assert 53 <= paths["/model/weighted.a/converse"] <= 97


def test_mutations_of_headers(gateway: Gateway) -> None:
    response = gateway.chat("mutated")
    changed = [*(header for header in EXACTLY if header[0] not in {"user-agent", "content-length"})]
    assert headers_at_bedrock(gateway, response) == sorted([*changed, ("content-length", "91"), ("x-team", "a")])


def test_mutations_of_the_body(gateway: Gateway) -> None:
    response = gateway.chat("mutated", max_tokens=3)
    assert json.loads(gateway.received(response)["body"]) == {
        "messages": [{"role": "user", "content": [{"text": "Hello!"}]}],
        "requestMetadata": {"team": "a"},
    }
