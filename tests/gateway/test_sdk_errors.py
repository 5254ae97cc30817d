"""Errors as OpenAI's SDK raises them. It takes the inner object of the body for the error's body."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from tests.gateway.running import error

HELLO: Any = [{"role": "user", "content": "Hello!"}]

CASES = [
    (
        "simulator.validation",
        openai.BadRequestError,
        error("The provided request is not valid.", "invalid_request_error"),
    ),
    (
        "simulator.too-long",
        openai.BadRequestError,
        error("Input is too long for requested model.", "invalid_request_error", "context_length_exceeded"),
    ),
    (
        "simulator.access-denied",
        openai.PermissionDeniedError,
        error(
            "You don't have access to the model with the specified model ID.",
            "permission_error",
            "access_denied_exception",
        ),
    ),
    (
        "simulator.not-found",
        openai.NotFoundError,
        error(
            "Could not resolve the foundation model from the provided model identifier.",
            "not_found_error",
            "model_not_found",
        ),
    ),
    (
        "nobody",
        openai.NotFoundError,
        error(
            "no rule routes the model 'nobody'; GET /v1/models lists the available models",
            "not_found_error",
            "model_not_found",
            "model",
        ),
    ),
    (
        "simulator.throttling",
        openai.RateLimitError,
        error("Too many requests, please wait before trying again.", "rate_limit_error", "throttling_exception"),
    ),
    (
        "forger",
        openai.AuthenticationError,
        error(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret"
            " Access Key and signing method. Consult the service documentation for details.",
            "authentication_error",
            "invalid_signature_exception",
        ),
    ),
    (
        "simulator.internal",
        openai.InternalServerError,
        error("The system encountered an unexpected error during processing. Try your request again.", "api_error"),
    ),
    (
        "simulator.unavailable",
        openai.InternalServerError,
        error("Bedrock is unable to process your request.", "overloaded_error"),
    ),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("model", "raised", "body"), CASES, ids=[case[0] for case in CASES])
def test_an_error_before_the_answer(
    client: openai.OpenAI, model: str, raised: type[openai.APIStatusError], body: dict[str, Any], stream: bool
) -> None:
    with pytest.raises(raised) as caught:
        client.chat.completions.create(model=model, messages=HELLO, stream=stream)
    assert (type(caught.value), caught.value.response.json()) == (raised, body)


async def test_an_error_with_the_asynchronous_client(async_client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        await async_client.chat.completions.create(model="simulator.throttling", messages=HELLO)
    assert caught.value.code == "throttling_exception"


def test_a_rate_limit_says_when_to_come_back(client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="simulator.throttling-30", messages=HELLO)
    assert caught.value.response.headers["retry-after"] == "30"


def test_an_error_names_the_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="simulator.validation", messages=HELLO)
    assert caught.value.request_id == caught.value.response.headers["x-request-id"]


def test_an_unknown_model_cannot_be_retrieved(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("nobody")
    assert caught.value.response.json() == error(
        "the model 'nobody' is not configured in this gateway", "not_found_error", "model_not_found", "model"
    )


STREAM_CASES = [
    ("simulator.stream-exception", "The model failed while it was streaming.", None),
    ("simulator.stream-throttling", "Too many tokens, please wait before trying again.", "throttling_exception"),
    ("simulator.stream-exception-first", "Too many tokens, please wait before trying again.", "throttling_exception"),
    (
        "simulator.truncated",
        "the response stream from Bedrock ended before it was complete",
        "upstream_truncated",
    ),
]


@pytest.mark.parametrize(("model", "message", "code"), STREAM_CASES, ids=[case[0] for case in STREAM_CASES])
def test_an_error_in_the_middle_of_a_stream(client: openai.OpenAI, model: str, message: str, code: str | None) -> None:
    stream = client.chat.completions.create(model=model, messages=HELLO, stream=True)
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert (type(caught.value), caught.value.message, caught.value.code) == (openai.APIError, message, code)


async def test_an_error_in_the_middle_of_a_stream_with_the_asynchronous_client(
    async_client: openai.AsyncOpenAI,
) -> None:
    stream = await async_client.chat.completions.create(model="simulator.stream-exception", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError) as caught:
        [chunk async for chunk in stream]
    assert caught.value.message == "The model failed while it was streaming."


def test_what_came_before_the_error_has_been_told(client: openai.OpenAI) -> None:
    stream = iter(client.chat.completions.create(model="simulator.truncated", messages=HELLO, stream=True))
    told = [next(stream).choices[0].delta.content for _ in range(4)]
    assert told == [None, "Hello! ", "You ", "said: "]
    with pytest.raises(openai.APIError):
        next(stream)
