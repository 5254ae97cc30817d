"""Requests that cannot be served, and what their senders are told."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aigw_extproc.translate.clients.models import MODEL_PATHS
from aigw_extproc.translate.registry import ENDPOINTS
from aigw_extproc.wire import MAX_MEMBERS
from tests.gateway.conftest import LIMIT
from tests.gateway.running import CHAT, Gateway, error, question

JSON = {"content-type": "application/json"}
PLACES = " or ".join(", ".join((*ENDPOINTS, *MODEL_PATHS)).rsplit(", ", 1))
INVALID = "invalid_request_error"


def post(gateway: Gateway, body: bytes, **headers: str) -> httpx.Response:
    return gateway.client.post(CHAT, content=body, headers=JSON | {k.replace("_", "-"): v for k, v in headers.items()})


def outcome(response: httpx.Response) -> tuple[int, str, Any]:
    return response.status_code, response.headers["content-type"], response.json()


def refusal(status: int, *about: Any) -> tuple[int, str, Any]:
    return status, "application/json", error(*about)


def test_invalid_json(gateway: Gateway) -> None:
    assert outcome(post(gateway, b'{"model": "nova", ')) == refusal(
        400, "the request body is not valid JSON: Input data was truncated", INVALID
    )


@pytest.mark.parametrize(
    "member", [b'"\xf4":1', b'"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"\xf4"}}}]']
)
def test_bytes_that_are_no_text(gateway: Gateway, member: bytes) -> None:
    response = post(gateway, b'{"model":"nova","messages":[{"role":"user","content":"Hi"}],%b}' % member)
    told = response.json()["error"]["message"]
    assert (response.status_code, told.partition(" in position")[0]) == (
        400,
        "the request body is not valid JSON: 'utf-8' codec can't decode byte 0xf4",
    )


def test_an_empty_body(gateway: Gateway) -> None:
    assert outcome(post(gateway, b"")) == refusal(400, "the request body is empty; a JSON object is expected", INVALID)


def test_an_empty_body_in_chunks(gateway: Gateway) -> None:
    response = gateway.client.post(CHAT, content=iter([b"", b""]), headers=JSON)
    assert outcome(response) == refusal(400, "the request body is not valid JSON: the body is empty", INVALID)


@pytest.mark.parametrize(
    ("changed", "message", "field"),
    [
        ({"model": 5}, "model: Expected `str`, got `int`", "model"),
        ({"messages": "Hello!"}, "messages: Expected `array`, got `str`", "messages"),
        ({"temperature": "hot"}, "temperature: Expected `float | null`, got `str`", "temperature"),
        (
            {"messages": [{"role": "user", "content": 1}]},
            "messages[0].content: Expected `str | array`, got `int`",
            "messages[0].content",
        ),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "robot", "content": "b"}]},
            "messages[1].role: Invalid value 'robot'",
            "messages[1].role",
        ),
        ({"n": 2}, "n: Bedrock answers with one choice, got 2", "n"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(
    gateway: Gateway, changed: dict[str, Any], message: str, field: str
) -> None:
    response = post(gateway, json.dumps(question() | changed).encode())
    assert outcome(response) == refusal(400, message, INVALID, None, field)


def test_a_missing_field_is_named(gateway: Gateway) -> None:
    assert outcome(post(gateway, b'{"messages":[]}')) == refusal(400, "Object missing required field `model`", INVALID)


def test_not_an_object(gateway: Gateway) -> None:
    assert outcome(post(gateway, b"[]")) == refusal(400, "Expected `object`, got `array`", INVALID)


def test_an_unknown_model(gateway: Gateway) -> None:
    assert outcome(gateway.chat("nobody")) == refusal(
        404,
        "no rule routes the model 'nobody'; GET /v1/models lists the available models",
        "not_found_error",
        "model_not_found",
        "model",
    )


@pytest.mark.parametrize("model", ["", "a\r\nx-evil: 1", "\0", "x" * 70_000], ids=["empty", "lines", "null", "long"])
def test_a_model_that_cannot_be_one(gateway: Gateway, model: str) -> None:
    message = "model: expected 1 to 2048 characters, none of them a control character"
    assert outcome(gateway.chat(model, headers={"host": "any.example"})) == refusal(
        400, message, INVALID, None, "model"
    )


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a\r\nx-evil: 1", "a%0D%0Ax-evil:%201"),
        ("\0", "%00"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("x" * 200_000, "x" * 2045 + "..."),
    ],
    ids=["lines", "null", "letters", "long"],
)
def test_a_strange_field_is_named_in_a_header_that_can_be_sent(gateway: Gateway, name: str, header: str) -> None:
    response = gateway.chat(**{name: 1})
    assert (response.status_code, response.headers["x-aigw-dropped-params"]) == (200, header)
    assert "x-evil" not in response.headers


def test_hundreds_of_strange_fields(gateway: Gateway) -> None:
    response = gateway.chat(**{f"field{number}": 1 for number in range(900)})
    assert (response.status_code, len(response.headers["x-aigw-dropped-params"])) == (200, 2048)


def test_too_many_parts_are_refused_in_the_clients_own_shape(gateway: Gateway) -> None:
    body = question() | {f"field{number}": 1 for number in range(MAX_MEMBERS)}
    message = "the request body has more than 100,000 members of objects; send fewer or shorter messages and tools"
    assert outcome(gateway.client.post(CHAT, json=body)) == refusal(400, message, INVALID, "request_too_large")
    answer = gateway.client.post("/v1/messages", json=body).json()
    assert answer["error"] == {"type": INVALID, "message": message}


def test_ten_megabytes_are_served(gateway: Gateway) -> None:
    body = question() | {"messages": [{"role": "system", "content": "x" * 10_000_000}, *question()["messages"]]}
    response = gateway.client.post(CHAT, json=body)
    assert (response.status_code, gateway.received(response)["body_bytes"] > 10_000_000) == (200, True)


TOO_LARGE = refusal(
    413, f"the request body is larger than the {LIMIT} bytes that this gateway accepts", INVALID, "request_too_large"
)


def test_more_than_the_limit(gateway: Gateway) -> None:
    assert outcome(post(gateway, b" " * (LIMIT + 1))) == TOO_LARGE


def test_more_than_the_limit_in_chunks(gateway: Gateway) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(13):
            yield b" " * 1024 * 1024

    response = gateway.client.post(CHAT, content=pieces(), headers=JSON)
    assert outcome(response) == TOO_LARGE


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", CHAT, "POST"), ("PUT", CHAT, "POST"), ("POST", "/v1/models", "GET"), ("DELETE", "/v1/models/nova", "GET")],
)  # and HEAD where GET is
def test_the_wrong_method(gateway: Gateway, method: str, path: str, allowed: str) -> None:
    response = gateway.client.request(method, path)
    assert response.headers["allow"] == {"GET": "GET, HEAD"}.get(allowed, allowed)
    assert outcome(response) == refusal(405, f"{path} takes {allowed}, not {method}", INVALID, "method_not_allowed")


@pytest.mark.parametrize("path", ["/", "/v1/chat", "/v1/chat/completions/x", "/model/nova/converse"])
def test_an_unknown_path(gateway: Gateway, path: str) -> None:
    assert outcome(gateway.client.post(path, json=question())) == refusal(
        404,
        f"there is no '{path}' here; try {PLACES}",
        "not_found_error",
        "unknown_path",
    )


def test_the_wrong_media_type(gateway: Gateway) -> None:
    assert outcome(post(gateway, b"{}", content_type="text/plain")) == refusal(
        415,
        "content-type: expected application/json, got 'text/plain'",
        INVALID,
        "unsupported_media_type",
        "content-type",
    )


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_a_body_that_envoy_does_not_decompress(gateway: Gateway, encoding: str) -> None:
    left = "gzip" if encoding == "gzip, gzip" else encoding
    assert outcome(post(gateway, gzip.compress(b"{}"), content_encoding=encoding)) == refusal(
        415,
        f"content-encoding: '{left}' is not supported here; send the body as it is",
        INVALID,
        "unsupported_media_type",
        "content-encoding",
    )


def test_a_gzip_body(gateway: Gateway) -> None:
    response = post(gateway, gzip.compress(json.dumps(question()).encode()), content_encoding="gzip")
    assert response.json()["choices"][0]["message"]["content"] == "Hello! You said: Hello!"
    assert "content-encoding" not in dict(gateway.received(response)["headers"])


def test_a_gzip_body_that_is_too_large_when_it_is_decompressed(gateway: Gateway) -> None:
    text = "".join(random.Random(1).choices("abcdef", k=LIMIT + 1000))
    assert outcome(post(gateway, gzip.compress(text.encode()), content_encoding="gzip")) == TOO_LARGE


@pytest.mark.parametrize("body", [gzip.compress(json.dumps(question()).encode())[:40], b"{}"], ids=["cut off", "JSON"])
def test_a_gzip_body_that_is_none(gateway: Gateway, body: bytes) -> None:
    response = post(gateway, body, content_encoding="gzip")
    assert (response.status_code, response.json()["error"]["type"]) == (400, INVALID)


def test_a_gzip_body_that_grows_without_end_is_cut(gateway: Gateway) -> None:
    bomb = gzip.compress(b'{"model": "' + b"x" * 10_000_000)
    assert len(bomb) < 20_000
    response = post(gateway, bomb, content_encoding="gzip")
    assert (response.status_code, response.json()["error"]["type"]) == (400, INVALID)


@pytest.mark.parametrize("path", [f"{CHAT}/", "//v1//chat/completions", f"{CHAT}///", f"{CHAT}/?a=b/"])
def test_double_and_trailing_slashes_are_removed_by_envoy(gateway: Gateway, path: str) -> None:
    response = gateway.client.send(gateway.client.build_request("POST", f"{gateway.url}{path}", json=question()))
    assert response.status_code == 200, response.text
    entry = gateway.envoy.access_log(response.headers["x-request-id"])
    assert entry["path"] == CHAT


def test_a_refused_request_is_none_of_bedrocks_business(gateway: Gateway) -> None:
    before = gateway.simulator.requests()
    post(gateway, b"{}")
    assert gateway.simulator.requests() == before


def test_a_refusal_names_the_request(gateway: Gateway) -> None:
    response = post(gateway, b"{}")
    line = gateway.envoy.access_log(response.headers["x-request-id"])
    assert (line["status"], line["details"]) == (400, "aigw_invalid_request_error")


@pytest.mark.parametrize(
    ("model", "headers", "status"),
    [
        ("simulator.early-close", {}, 503),
        ("simulator.reset", {}, 502),
        ("refused", {}, 503),
        ("nova", {"host": "a/b"}, 400),
        ("nova", {"upgrade": "websocket", "connection": "upgrade"}, 403),
        ("nova", {"a": "a" * 70_000}, 431),
    ],
)
def test_the_mark_of_envoys_own_replies_stays_inside(
    gateway: Gateway, model: str, headers: dict[str, str], status: int
) -> None:
    response = gateway.chat(model, headers=headers)
    assert (response.status_code, response.headers.get("x-aigw-local-reply")) == (status, None)
