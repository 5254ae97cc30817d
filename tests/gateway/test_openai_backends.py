"""Backends that speak OpenAI's API themselves, one of them Bedrock, with OpenAI's own SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.envoy_config.running import Handler, Upstream
from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.policies import secret
from tests.gateway.resources import Document, backend, ref, route, rule
from tests.gateway.running import Gateway, question

GPT = "openai.gpt-oss-20b-1:0"
BODY = b'{ "model" : "plain",\n "messages": [], "seed": 1.50, "unknown": {"a" : [1e2]}, "stream_options": null }'
SSE = (
    b': hello\r\n\r\ndata: {"choices":[{"index":0,"delta":{"content":"a"}}]}\r\n\r\n'
    b'data:{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}'
    b"\r\n\r\ndata: [DONE]\r\n\r\n"
)


def openai_backend(name: str, port: int, **schema: str) -> list[Document]:
    """An OpenAI-compatible server at a port of this machine, with the API key `upstream-key`."""
    service, policy, where, _ = backend(name, port, schema={"name": "OpenAI", **schema})
    spec = {"targetRefs": policy["spec"]["targetRefs"], "type": "APIKey", "apiKey": {"secretRef": {"name": name}}}
    return [service, {**policy, "spec": spec}, where, secret(name, apiKey="upstream-key")]


@pytest.fixture(scope="module")
def passing(start_gateway: NewGateway, simulator: Any, shared_elsewhere: Upstream) -> Iterator[Gateway]:
    where = simulator.port
    return start_gateway(
        route(
            "r",
            rule(ref("compatible"), model="plain"),
            rule(ref("compatible", to="their-model"), model="renamed"),
            rule(ref("prefixed"), model="prefixed"),
            rule(ref("bedrock", to=GPT), model="gpt"),
            rule(ref("bedrock"), model="unknown"),
        ),
        *openai_backend("compatible", shared_elsewhere.port),
        *openai_backend("prefixed", shared_elsewhere.port, prefix="/api/v2/"),
        *backend("bedrock", where, schema={"name": "OpenAI", "prefix": "/openai/v1"}),
    )


@pytest.fixture
def sdk(passing: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{passing.url}/v1", **SDK_OPTIONS) as connected:
        yield connected


def answering(body: bytes, *, status: int = 200, media_type: str = "application/json") -> Any:
    def answer(handler: Handler) -> None:
        handler.send_response_only(status)
        handler.send_header("content-type", media_type)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def post(gateway: Gateway, body: bytes, path: str = "/v1/chat/completions") -> httpx.Response:
    headers = {"content-type": "application/json", "authorization": "Bearer client-key", "cookie": "a=b"}
    return gateway.client.post(path, content=body, headers=headers)


@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/embeddings", "/images/generations", "/rerank"])
def test_bodies_pass_as_they_are_in_both_directions(passing: Gateway, elsewhere: Upstream, path: str) -> None:
    answered = b'{ "usage": {"prompt_tokens": 1}, "x" : 1.0 }'
    elsewhere.reset(answering(answered))
    response = post(passing, BODY, f"/v1{path}")
    (received,) = elsewhere.received
    assert (response.status_code, response.content) == (200, answered)
    assert (received.line, received.body) == (f"POST /v1{path} HTTP/1.1", BODY)


def test_the_backend_gets_its_own_key_and_nothing_of_the_clients(passing: Gateway, elsewhere: Upstream) -> None:
    post(passing, BODY)
    headers = {name.lower(): value for name, value in elsewhere.received[0].headers}
    assert headers["authorization"] == "Bearer upstream-key"
    assert "client-key" not in f"{elsewhere.received}"
    assert "cookie" not in headers


def test_an_override_changes_the_model_alone(passing: Gateway, elsewhere: Upstream) -> None:
    post(passing, b'{"a":1.50,"model":"renamed","b":{"x" : 1e2}}')
    assert elsewhere.received[0].body == b'{"a":1.50,"model":"their-model","b":{"x" : 1e2}}'


def test_the_prefix_of_the_schema_begins_the_path(passing: Gateway, elsewhere: Upstream) -> None:
    post(passing, b'{"model":"prefixed"}')
    assert elsewhere.received[0].line == "POST /api/v2/chat/completions HTTP/1.1"


def test_a_stream_passes_as_it_is_and_its_usage_is_counted(passing: Gateway, elsewhere: Upstream) -> None:
    elsewhere.reset(answering(SSE, media_type="text/event-stream; charset=utf-8"))
    before = tokens(passing)
    response = post(passing, b'{"model":"plain","stream":true}')
    assert response.content == SSE
    passing.wait_until_idle()
    assert tokens(passing) - before == 2


def tokens(gateway: Gateway) -> float:
    return gateway.processor.metric(
        "gen_ai_client_token_usage_token_sum",
        gen_ai_token_type="output",
        gen_ai_original_model="plain",
        gen_ai_provider_name="openai",
    )


def test_of_a_streams_headers_only_listed_ones_reach_the_client(passing: Gateway, elsewhere: Upstream) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response_only(200)
        for name, value in {"content-type": "text/event-stream", "set-cookie": "a=b", "x-ratelimit-a": "1"}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(SSE)))
        handler.end_headers()
        handler.wfile.write(SSE)

    elsewhere.reset(answer)
    headers = post(passing, b'{"model":"plain","stream":true}').headers
    assert ("set-cookie" in headers, headers["x-ratelimit-a"], headers["cache-control"]) == (False, "1", "no-cache")


def test_a_stream_that_ends_early_ends_in_an_error(sdk: openai.OpenAI, elsewhere: Upstream) -> None:
    elsewhere.reset(answering(SSE[:70], media_type="text/event-stream"))
    with pytest.raises(openai.APIError, match="the response stream from the upstream ended before it was complete"):
        list(sdk.chat.completions.create(model="plain", messages=[], stream=True))


def test_an_error_passes_as_it_is(passing: Gateway, elsewhere: Upstream) -> None:
    told = b'{"error": {"message": "no", "type": "their_error", "param": "seed", "code": 7, "inner": [1]}}'
    elsewhere.reset(answering(told, status=422))
    response = post(passing, BODY)
    assert (response.status_code, response.content) == (422, told)


def test_an_error_that_is_no_json_is_told_in_openais_shape(passing: Gateway, elsewhere: Upstream) -> None:
    elsewhere.reset(answering(b"<html>canary", status=503, media_type="text/html"))
    response = post(passing, BODY)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "upstream_error")
    assert "canary" not in response.text


def test_a_refusal_of_the_gateways_key_does_not_show_it(passing: Gateway, elsewhere: Upstream) -> None:
    elsewhere.reset(answering(b'{"error": {"message": "bad key upstream-key"}}', status=401))
    response = post(passing, BODY)
    assert response.status_code == 401
    assert response.json()["error"]["message"] == "the upstream refused the gateway's credentials"


def test_messages_need_another_schema(passing: Gateway) -> None:
    response = post(passing, b'{"model":"plain","max_tokens":1,"messages":[]}', "/anthropic/v1/messages")
    assert (response.status_code, response.json()["error"]["message"]) == (
        400,
        (
            "model: its backend speaks OpenAI, which does not support messages; "
            "use a model on AWSAnthropic or AWSBedrock"
        ),
    )


def test_bedrocks_own_endpoint_answers_a_signed_request(passing: Gateway, sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(**question("gpt", "Hi there"))
    assert (answer.choices[0].message.content, answer.model) == ("Hello! You said: Hi there", GPT)
    sent = passing.simulator.requests()[-1]
    assert json.loads(sent["body"]) == question(GPT, "Hi there")


def test_bedrocks_own_endpoint_streams(sdk: openai.OpenAI) -> None:
    stream = sdk.chat.completions.create(
        **question("gpt", "Hi there"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert said == "Hello! You said: Hi there"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 7


def test_bedrocks_own_endpoint_tells_errors_in_openais_shape(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="The model 'unknown' does not exist"):
        sdk.chat.completions.create(**question("unknown"))
