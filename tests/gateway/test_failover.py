"""Rules with several backends: what fails at one is tried at the next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from aigw_extproc.simulator.settings import Settings
from tests.envoy_config.running import Upstream, refused_port, wait_for
from tests.gateway.conftest import NOVA, NewGateway
from tests.gateway.resources import Document, backend, openai_backend, ref, route, rule
from tests.gateway.running import Gateway, error
from tests.simulator.running import RunningSimulator, running_simulator

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
FAULTS = {
    "throttled": "simulator.throttling",
    "unavailable": "simulator.unavailable",
    "reset": "simulator.early-close",
    "broken-off": "simulator.reset-0",
    "first-frame": "simulator.stream-exception-first",
}
"""By the name of a model: what its first backend does."""
APIS = {
    "completions": ("/v1/completions", {"prompt": "Hello!"}, "data: [DONE]\n\n"),
    "responses": ("/v1/responses", {"input": "Hello!"}, "event: response.completed\n"),
    "messages": (
        "/v1/messages",
        {"max_tokens": 9, "messages": [{"role": "user", "content": "Hello!"}]},
        "message_stop",
    ),
}
"""Path, body, and what a complete stream has in it."""
UNSTREAMED = {
    "/v1/embeddings": ("amazon.titan-embed-text-v2:0", {"input": "Hello!"}),
    "/v1/images/generations": ("amazon.nova-canvas-v1:0", {"prompt": "A cat"}),
    "/cohere/v2/rerank": ("amazon.rerank-v1:0", {"query": "Hello!", "documents": ["Hi", "No"]}),
    "/v1/messages/count_tokens": (CLAUDE, {"messages": [{"role": "user", "content": "Hello!"}]}),
    "/v1/responses/input_tokens": (CLAUDE, {"input": "Hello!"}),
    "/tokenize": (CLAUDE, {"prompt": "Hello!"}),
}
"""By path: the model of the second backend, and the body."""
ALL_FAMILIES = "{simulator.throttling: {embeddings: titan, images: amazon, rerank: amazon}}"
ACCOUNT = Settings(region="eu-west-1", credentials={"SECOND": "secret-of-the-second"})


def fallback(model: str, *backends: Document, **fields: Any) -> Document:
    """A rule whose backends have priorities in their order."""
    refs = [{**one, "priority": priority} for priority, one in enumerate(backends)]
    return {**rule(*refs, model=model), **fields}


def other_account(name: str, port: int, **fields: Any) -> list[Document]:
    """Bedrock in another region, for another account."""
    documents = backend(name, port, key_id="SECOND", secret=ACCOUNT.credentials["SECOND"], **fields)
    documents[1]["spec"]["awsCredentials"]["region"] = ACCOUNT.region
    return documents


def unsigned(port: int) -> list[Document]:
    """Bedrock, without credentials."""
    service, policy, where, _ = backend("unsigned", port)
    policy["spec"]["awsCredentials"] = {"region": "us-east-1"}
    return [service, policy, where]


def logged(gateway: Gateway, request_id: str, count: int) -> list[dict[str, Any]] | None:
    """The lines of a request in Envoy's log, once there are that many."""
    lines = [json.loads(line) for line in gateway.envoy.log.read_text().splitlines() if request_id in line]
    return lines if len(lines) == count else None


@pytest.fixture(scope="module")
def second() -> Iterator[RunningSimulator]:
    with running_simulator(ACCOUNT) as running:
        yield running


@pytest.fixture(scope="module")
def failing(
    start_gateway: NewGateway, simulator: RunningSimulator, second: RunningSimulator, shared_elsewhere: Upstream
) -> Iterator[Gateway]:
    with refused_port() as refused:
        gateway = start_gateway(
            route(
                "models",
                *(fallback(model, ref(to=fault), ref("second", to=NOVA)) for model, fault in FAULTS.items()),
                fallback("refused", ref("refused"), ref("second", to=NOVA)),
                fallback("both", ref(to="simulator.throttling-7"), ref("second", to="simulator.throttling-9")),
                fallback("named", ref(to="simulator.throttling"), ref("named", to=NOVA)),
                fallback("healthy", ref(to=NOVA), ref("second", to=NOVA)),
                fallback("schemas", ref(to="simulator.throttling"), ref("server", to="served")),
                fallback("anthropic", ref(to="simulator.throttling"), ref("claude", to=CLAUDE)),
                fallback("untranslated", ref("server"), ref("second", to=NOVA)),
                fallback("unsigned", ref("unsigned"), ref("second", to=NOVA)),
                fallback("breaks", ref(to="simulator.stream-exception-3"), ref("second", to=NOVA)),
                *(
                    fallback(path, ref("every", to="simulator.throttling"), ref("second", to=model))
                    for path, (model, _) in UNSTREAMED.items()
                ),
                fallback("wrong", ref(to="simulator.validation"), ref("second", to=NOVA)),
            ),
            *backend("bedrock", simulator.port),
            *other_account("second", second.port),
            *other_account("named", second.port, annotations={"aigw-extproc/backend-header": "true"}),
            *backend("every", simulator.port, annotations={"aigw-extproc/model-families": ALL_FAMILIES}),
            *backend("refused", refused),
            *openai_backend("server", shared_elsewhere.port),
            *other_account("claude", second.port, schema={"name": "AWSAnthropic"}),
            *unsigned(simulator.port),
            simulator=second,
            environment={"AWS_EC2_METADATA_DISABLED": "true"},
        )
        yield gateway
        gateway.wait_until_idle()
        assert gateway.processor.metric("aigw_defects_total") == 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", [*FAULTS, "refused", "unsigned"])
def test_the_next_backend_answers(failing: Gateway, model: str, stream: bool) -> None:
    response = failing.chat(model, stream=stream)
    assert (response.status_code, response.text.endswith("data: [DONE]\n\n")) == (200, stream)
    received = failing.received(response)
    assert received["path"].split("/")[2:] == [NOVA.replace(":", "%3A"), "converse-stream" if stream else "converse"]
    assert json.loads(received["body"]) == {"messages": [{"role": "user", "content": [{"text": "Hello!"}]}]}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", ["throttled", "first-frame"])
@pytest.mark.parametrize("api", APIS)
def test_every_api_is_tried_at_the_next_backend(failing: Gateway, api: str, model: str, stream: bool) -> None:
    path, body, ending = APIS[api]
    response = failing.client.post(path, json={**body, "model": model, "stream": stream})
    assert (response.status_code, ending in response.text) == (200, stream)
    received = failing.received(response)
    assert received["path"].split("/")[2:] == [NOVA.replace(":", "%3A"), "converse-stream" if stream else "converse"]


@pytest.mark.parametrize("path", UNSTREAMED)
def test_every_api_without_streams_is_tried_at_the_next_backend(
    failing: Gateway, simulator: RunningSimulator, path: str
) -> None:
    model, body = UNSTREAMED[path]
    before = {request["id"] for request in simulator.requests()}
    response = failing.client.post(path, json={**body, "model": path})
    assert response.status_code == 200, response.text
    assert model.replace(":", "%3A") in failing.received(response)["path"]
    assert len({request["id"] for request in simulator.requests()} - before) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_last_error_reaches_the_client(failing: Gateway, stream: bool) -> None:
    response = failing.chat("both", stream=stream)
    message = "Too many requests, please wait before trying again."
    expected = error(message, "rate_limit_error", "throttling_exception")
    assert (response.status_code, response.json(), response.headers["retry-after"]) == (429, expected, "9")


def test_the_log_and_the_metrics_tell_what_was_tried(failing: Gateway) -> None:
    metric = failing.processor.metric
    labels = [("default/bedrock", "429"), ("default/named", "ok")]
    counted = lambda: [metric("aigw_attempts_total", backend=backend, outcome=outcome) for backend, outcome in labels]  # noqa: E731 - a name
    failing.wait_until_idle()
    attempts, requests = counted(), metric("aigw_exchanges_total", operation="chat", status="200")
    response = failing.chat("named")
    failing.wait_until_idle()
    assert counted() == [count + 1 for count in attempts]
    assert metric("aigw_exchanges_total", operation="chat", status="200") == requests + 1
    request_id = response.headers["x-request-id"]
    lines = wait_for(lambda: logged(failing, request_id, 3), what="the log")
    assert [(line["backend"].partition("/route/")[0], line["status"]) for line in lines] == [
        ("default/bedrock", 429),
        ("default/named", 200),
        ("default/named", 200),
    ]
    assert (lines[0]["details"], lines[2]["attempts"]) == ("aigw_throttling_exception", 2)
    assert [line["outcome"] for line in lines] == ["throttling_exception", "ok", "ok"]


def test_the_line_of_an_attempt_says_how_its_stream_has_ended(failing: Gateway) -> None:
    request_id = failing.chat("breaks", stream=True).headers["x-request-id"]
    lines = wait_for(lambda: logged(failing, request_id, 2), what="the log")
    outcomes = {("attempt_of" in line): (line["status"], line["stream"], line["outcome"]) for line in lines}
    assert outcomes == {True: (200, True, "api_error"), False: (200, None, "begun")}


def test_a_response_names_its_backend_if_an_annotation_asks_for_it(failing: Gateway) -> None:
    headers = [failing.chat(model).headers for model in ("named", "throttled")]
    assert [each.get("x-aigw-backend") for each in headers] == ["default/named", None]


def test_an_error_of_all_attempts_is_counted_by_its_code(failing: Gateway) -> None:
    counted = lambda: failing.processor.metric("aigw_exchanges_total", status="429", code="throttling_exception")  # noqa: E731 - a name
    failing.wait_until_idle()
    before = counted()
    assert failing.chat("both").status_code == 429
    failing.wait_until_idle()
    assert counted() == before + 1


def test_what_is_wrong_with_the_request_is_not_tried_again(failing: Gateway) -> None:
    response = failing.chat("wrong")
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_first_backend_answers_while_it_can(failing: Gateway, simulator: RunningSimulator, stream: bool) -> None:
    response = failing.chat("healthy", stream=stream)
    assert response.status_code == 200
    served = [entry for entry in simulator.requests() if entry["id"] == response.headers["x-amzn-requestid"]]
    assert len(served) == 1


@pytest.mark.parametrize("model", ["throttled", "both", "healthy"])
def test_headers_of_the_gateway_stay_in_it(failing: Gateway, model: str) -> None:
    response = failing.chat(model)
    internal = ("x-ai-eg-", "x-envoy-", "x-aigw-local-reply")
    assert [name for name in response.headers if name.startswith(internal)] == []
    received = failing.received(response) if model != "healthy" else {"headers": []}
    assert [name for name, _ in received["headers"] if name.startswith(internal)] == []


@pytest.mark.parametrize("size", [1_000, 5_000_000, 40_000_000])
def test_a_body_of_any_size_is_sent_again(failing: Gateway, size: int) -> None:
    text = "a" * size
    response = failing.chat("throttled", text)
    assert response.status_code == 200
    assert failing.received(response)["body_bytes"] > size


def test_a_server_of_another_api_is_next(failing: Gateway, elsewhere: Upstream) -> None:
    response = failing.chat("schemas")
    assert (response.status_code, response.json()) == (200, {"answer": True})
    (received,) = elsewhere.received
    assert received.line == "POST /v1/chat/completions HTTP/1.1"
    assert json.loads(received.body) == {"model": "served", "messages": [{"role": "user", "content": "Hello!"}]}
    assert [name for name, _ in received.headers if name.lower() in ("authorization", "x-amz-date")] == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_messages_are_tried_on_the_next_schema(failing: Gateway, stream: bool) -> None:
    body = {"model": "anthropic", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
    response = failing.client.post("/v1/messages", json=body)
    assert (response.status_code, "message_stop" in response.text) == (200, stream)


def test_an_api_that_the_first_schema_lacks_is_served_by_the_second(failing: Gateway) -> None:
    body = {"model": "untranslated", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    response = failing.client.post("/v1/messages", json=body)
    assert (response.status_code, response.json()["type"]) == (200, "message")
