"""Limits of use, through a whole gateway: who is refused, in which words, and what is counted."""

from __future__ import annotations

import re
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, limit_of, quota_policy, rate_limit, ref, route, rule
from tests.gateway.running import error
from tests.simulator.running import RunningSimulator

NOVA = "us.amazon.nova-micro-v1:0"
CLAUDE = "us.anthropic.claude-sonnet-4-20250514-v1:0"


def documents(port: int, *more: Any, rules: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    served = rules or (rule(ref(to=NOVA), model="nova"), rule(ref(to=CLAUDE), model="claude"))
    return (route("models", *served), *backend("bedrock", port), *more)


def statuses(*responses: httpx.Response) -> list[int]:
    return [response.status_code for response in responses]


def test_requests_beyond_a_limit_are_refused_in_openais_words(
    new_gateway: NewGateway, simulator: RunningSimulator
) -> None:
    gateway = new_gateway(*documents(simulator.port, rate_limit("models", limit_of(2, "Day"))))
    sent = len(simulator.requests())
    assert statuses(gateway.chat(), gateway.chat("claude"), gateway.chat("unknown")) == [200, 200, 429]
    refused = gateway.chat()
    message = r"this client has used up its limit of 2 requests per day; the next day begins in [0-9hms]+"
    body = refused.json()
    assert re.fullmatch(message, body["error"]["message"])
    assert body == error(body["error"]["message"], "rate_limit_error", "rate_limit_exceeded")
    headers = refused.headers
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("2", "0")
    assert 0 < int(headers["retry-after"]) <= 86400
    assert re.fullmatch("([0-9]+[dhms])+", headers["x-ratelimit-reset-requests"])
    assert len(simulator.requests()) - sent == 2
    assert gateway.client.get("/v1/models").status_code == 200
    policy = "BackendTrafficPolicy default/models"
    assert gateway.processor.metric("aigw_limit_decisions_total", policy=policy, decision="refused") == 2


def test_anthropics_clients_get_its_error_and_headers(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    gateway = new_gateway(*documents(simulator.port, rate_limit("models", limit_of(0, "Day"))))
    with (
        anthropic.Anthropic(base_url=gateway.url, **SDK_OPTIONS) as client,
        pytest.raises(anthropic.RateLimitError) as refused,
    ):
        client.messages.create(model="claude", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])
    headers = refused.value.response.headers
    assert headers["anthropic-ratelimit-requests-limit"] == "0"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", headers["anthropic-ratelimit-requests-reset"])
    assert refused.value.body["error"]["type"] == "rate_limit_error"  # type: ignore[index] # of the SDK it is any object


def test_a_client_that_would_wait_for_long_does_not_try_again(
    new_gateway: NewGateway, simulator: RunningSimulator
) -> None:
    gateway = new_gateway(*documents(simulator.port, rate_limit("models", limit_of(0, "Year"))))
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", **{**SDK_OPTIONS, "max_retries": 5}) as client,
        pytest.raises(openai.RateLimitError),
    ):
        client.chat.completions.create(model="nova", messages=[{"role": "user", "content": "Hi"}])
    assert gateway.processor.metric("aigw_exchanges_total", status="429") == 1


def test_each_value_of_a_header_has_its_own_count(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    gateway = new_gateway(*documents(simulator.port, rate_limit("models", limit_of(1, "Day", "x-tenant-id"))))
    tenants = [gateway.chat(headers={"x-tenant-id": tenant}) for tenant in ("a", "a", "b", "b")]
    assert statuses(*tenants, gateway.chat(), gateway.chat()) == [200, 429, 200, 429, 200, 200]


def test_a_limit_can_be_for_one_model(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    condition = {"clientSelectors": [{"headers": [{"name": "x-ai-eg-model", "value": "claude"}]}]}
    gateway = new_gateway(*documents(simulator.port, rate_limit("models", limit_of(1, "Day", **condition))))
    answers = [gateway.chat(model) for model in ("claude", "nova", "claude", "nova")]
    assert statuses(*answers) == [200, 200, 429, 200]


def test_what_another_limit_has_counted_is_given_back(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    condition = {"clientSelectors": [{"headers": [{"name": "x-ai-eg-model", "value": "claude"}]}]}
    rules = (limit_of(3, "Day"), limit_of(1, "Day", **condition))
    gateway = new_gateway(*documents(simulator.port, rate_limit("models", *rules)))
    answers = [gateway.chat(model) for model in ("claude", "claude", "claude", "nova", "nova", "nova")]
    assert statuses(*answers) == [200, 429, 429, 200, 200, 429]


QUOTA = {"modelName": NOVA, "quota": {"defaultBucket": {"limit": 5, "duration": "1d"}}}


@pytest.mark.parametrize("stream", [False, True])
def test_a_quota_ends_with_the_response_that_uses_it_up(
    new_gateway: NewGateway, simulator: RunningSimulator, stream: bool
) -> None:
    gateway = new_gateway(*documents(simulator.port, quota_policy("bedrock", perModelQuotas=[QUOTA])), workers=2)
    answers = [gateway.chat(stream=stream) for _ in range(3)]
    assert statuses(*answers) == [200, 429, 429]
    assert gateway.chat("claude").status_code == 200
    assert answers[1].headers["x-ratelimit-limit-tokens"] == "5"
