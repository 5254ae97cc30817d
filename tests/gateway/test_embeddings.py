"""Embeddings with OpenAI's SDK through the whole gateway: one call or many, every family, and what fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import openai
import pytest

from aigw_extproc.simulator.embeddings import vector
from tests.envoy_config.running import refused_port
from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway, error
from tests.simulator.running import RunningSimulator

TITAN, COHERE, NOVA = (
    "amazon.titan-embed-text-v2:0",
    "cohere.embed-english-v3",
    "amazon.nova-2-multimodal-embeddings-v1:0",
)
EMBEDDINGS = "/v1/embeddings"


def documents(bedrock: int, refused: int) -> list[Any]:
    def failing(fault: str) -> Any:
        return ref(to=TITAN, headerMutation={"set": [{"name": "x-simulator-fault", "value": fault}]})

    return [
        route(
            "embeddings",
            rule(ref(to=TITAN), model="text-embedding-3-small"),
            rule(failing("throttling-7"), model="throttled"),
            rule(failing("slow-1500"), model="slow"),
            rule(failing("reset"), model="reset"),
            rule(ref("refused", to=TITAN), model="refused"),
            rule(ref("forger", to=TITAN), model="forger"),
            rule(ref(), model=r"~(amazon|cohere)\..*"),
        ),
        *backend("bedrock", bedrock),
        *backend("refused", refused),
        *backend("forger", bedrock, secret="wrong-secret"),
    ]


@pytest.fixture(scope="module")
def gateway(simulator: RunningSimulator, start_gateway: NewGateway) -> Iterator[Gateway]:
    """One whose Envoy is impatient: who takes longer has to say so."""
    with refused_port() as refused:
        running = start_gateway(
            *documents(simulator.port, refused), simulator=simulator, message_timeout=timedelta(seconds=1)
        )
        yield running
        running.wait_until_idle()
        assert running.processor.metric("aigw_defects_total") == 0


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", **SDK_OPTIONS) as connected:
        yield connected


def close_to(vector: list[float]) -> Any:
    """What is left of numbers that were float32 on their way."""
    return pytest.approx(vector, abs=1e-7)


def test_one_text_in_base64_as_the_sdk_asks_for_it(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model="text-embedding-3-small", input="two words")
    assert answer.data[0].embedding == close_to(vector("two words", 1024))
    assert (answer.model, answer.usage.prompt_tokens, answer.usage.total_tokens) == ("text-embedding-3-small", 2, 2)


def test_one_text_in_numbers(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model=TITAN, input="a", dimensions=256, encoding_format="float")
    assert answer.data[0].embedding == vector("a", 256)


@pytest.mark.parametrize(
    ("model", "dimensions", "purpose"),
    [(TITAN, 512, ""), ("amazon.titan-embed-text-v1", 1536, ""), (NOVA, 384, "GENERIC_INDEX")],
)
def test_many_texts_for_a_model_that_takes_one(
    client: openai.OpenAI, model: str, dimensions: int, purpose: str
) -> None:
    texts = [f"text {number}" for number in range(50)]
    answer = client.embeddings.create(model=model, input=texts, dimensions=dimensions)
    assert [one.index for one in answer.data] == list(range(50))
    assert [one.embedding for one in answer.data] == [close_to(vector(text, dimensions, purpose)) for text in texts]
    assert answer.usage.prompt_tokens == 100


def test_many_texts_for_a_model_that_takes_many_are_one_request(gateway: Gateway) -> None:
    body = {"model": COHERE, "input": ["a", "b"], "input_type": "search_query"}
    response = gateway.client.post(EMBEDDINGS, json=body)
    assert [one["embedding"] for one in response.json()["data"]] == [
        vector("a", 1024, "search_query"),
        vector("b", 1024, "search_query"),
    ]
    assert json.loads(gateway.received(response)["body"]) == {"texts": ["a", "b"], "input_type": "search_query"}


def test_more_texts_than_even_that_model_takes(client: openai.OpenAI) -> None:
    texts = [f"t{number}" for number in range(200)]
    answer = client.embeddings.create(model=COHERE, input=texts)
    assert [one.embedding for one in answer.data] == [close_to(vector(t, 1024, "search_document")) for t in texts]
    assert answer.usage.prompt_tokens == 200


async def test_the_asynchronous_client(gateway: Gateway) -> None:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", **SDK_OPTIONS) as client:
        answer = await client.embeddings.create(model=TITAN, input=["a", "b"])
    assert [one.embedding for one in answer.data] == [close_to(vector("a", 1024)), close_to(vector("b", 1024))]


def test_a_batch_has_the_ids_that_every_answer_has(gateway: Gateway) -> None:
    response = gateway.client.post(EMBEDDINGS, json={"model": TITAN, "input": ["a", "b"], "user": "u"})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-aigw-dropped-params"] == "user"
    assert len(response.headers["x-request-id"]) == 36
    sent = gateway.received(response)
    assert (sent["path"], json.loads(sent["body"])) == (
        "/model/amazon.titan-embed-text-v2%3A0/invoke",
        {"inputText": "a"},
    )


def test_a_batch_leaves_the_clients_secrets_behind(gateway: Gateway) -> None:
    headers = {"authorization": "Bearer sk-1", "cookie": "a=b", "traceparent": "00-1"}
    response = gateway.client.post(EMBEDDINGS, json={"model": TITAN, "input": ["a", "b"]}, headers=headers)
    sent = dict(gateway.received(response)["headers"])
    assert sent["traceparent"] == "00-1"
    assert set(sent) == {
        "host",
        "content-type",
        "traceparent",
        "x-request-id",
        "accept",
        "user-agent",
        "content-length",
        "authorization",
        "x-amz-date",
    }


def test_a_batch_may_take_longer_than_one_answer(client: openai.OpenAI) -> None:
    assert len(client.embeddings.create(model="slow", input=["a", "b"]).data) == 2


def test_one_text_too_long_fails_them_all(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=TITAN, input=["a", "b " * 8193, "c"])
    message = "Too many input tokens. Max input tokens: 8192, request input token count: 8193"
    assert caught.value.body == error(message, "invalid_request_error", "context_length_exceeded")["error"]


@pytest.mark.parametrize("texts", ["a", ["a", "b"]])
def test_throttling_is_told_with_its_pause(client: openai.OpenAI, texts: Any) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        client.embeddings.create(model="throttled", input=texts)
    assert (caught.value.code, caught.value.response.headers["retry-after"]) == ("throttling_exception", "7")
    assert "x-amzn-requestid" in caught.value.response.headers


@pytest.mark.parametrize("texts", ["a", ["a", "b"]])
def test_a_wrong_secret(client: openai.OpenAI, texts: Any) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        client.embeddings.create(model="forger", input=texts)
    assert caught.value.code == "invalid_signature_exception"


@pytest.mark.parametrize("texts", ["a", ["a", "b"]])
def test_nobody_there(gateway: Gateway, texts: Any) -> None:
    response = gateway.client.post(EMBEDDINGS, json={"model": "refused", "input": texts})
    expected = error("the gateway got no answer from the upstream", "api_error", "upstream_unavailable")
    assert (response.status_code, response.json()) == (503, expected)


def test_a_batch_whose_connections_break(gateway: Gateway) -> None:
    response = gateway.client.post(EMBEDDINGS, json={"model": "reset", "input": ["a", "b"]})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "upstream_unavailable")


def test_tokens_of_a_batch_are_counted(gateway: Gateway) -> None:
    def counted() -> float:
        return gateway.processor.metric(
            "gen_ai_client_token_usage_token_sum", gen_ai_operation_name="embeddings", gen_ai_token_type="input"
        )

    before = counted()
    gateway.client.post(EMBEDDINGS, json={"model": TITAN, "input": ["a b", "c d e"]}).raise_for_status()
    gateway.wait_until_idle()
    assert counted() - before == 5
