"""Limits of use, through a whole gateway: who is refused, in which words, and what is counted."""

from __future__ import annotations

import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.envoy_config.running import wait_for
from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, limit_of, quota_policy, rate_limit, ref, route, rule
from tests.gateway.running import CHAT, error, question, running_gateway
from tests.simulator.running import RunningSimulator
from tests.store.running import needs_redis, running_redis

NOVA = "us.amazon.nova-micro-v1:0"
SLOW = rule(ref(to="simulator.slow-500"), model="slow")
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
    known = {entry["id"] for entry in simulator.requests()}
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
    assert len({entry["id"] for entry in simulator.requests()} - known) == 2
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


MONEY = {"from": "Metadata", "metadata": {"namespace": "io.envoy.ai_gateway", "key": "cost_microdollars"}}
TOKENS = {"from": "Metadata", "metadata": {"namespace": "io.envoy.ai_gateway", "key": "usage_total_tokens"}}
LOOK = {"from": "Number", "number": 0}


def metered(requests: int, response: Any, *headers: str, unit: str = "Year") -> Any:
    """A limit that only looks before a request, and counts its response."""
    return limit_of(requests, unit, *headers, cost={"request": LOOK, "response": response})


def test_a_budget_in_dollars_is_a_hard_stop(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    """A month would do the same, but for the minute in which it ends."""
    prices = {"aigw-extproc/prices": f'{{"{NOVA}": {{"input": "100000", "output": "100000"}}}}'}
    policy = rate_limit("models", metered(1_500_000, MONEY, "x-team"))
    served = (
        route("models", rule(ref(to=NOVA), model="nova")),
        *backend("bedrock", simulator.port, annotations=prices),
    )
    gateway = new_gateway(*served, policy)
    answers = [gateway.chat(headers={"x-team": "red"}) for _ in range(4)]
    assert statuses(*answers)[0] == 200
    assert statuses(*answers)[-1] == 429
    refused = answers[-1]
    assert refused.json()["error"]["message"].startswith("this client has used up its budget of $1.50 per year; the ")
    assert refused.json()["error"]["code"] == "insufficient_quota"
    assert refused.headers["x-should-retry"] == "false"
    assert gateway.chat(headers={"x-team": "blue"}).status_code == 200


def test_a_model_without_a_price_is_refused_under_a_budget(
    new_gateway: NewGateway, simulator: RunningSimulator
) -> None:
    rules = (rule(ref(to="simulator.slow-1"), model="nova"),)
    requests = limit_of(1, "Day")
    policy = rate_limit("models", metered(10**9, MONEY, "x-team"), requests)
    gateway = new_gateway(*documents(simulator.port, policy, rules=rules))
    answers = [gateway.chat(headers={"x-team": "red"}) for _ in range(2)]
    assert [answer.json()["error"]["code"] for answer in answers] == ["price_unknown"] * 2
    assert gateway.chat().status_code == 200  # without a team there is no budget, and the refused have taken nothing


def test_what_is_reserved_is_never_exceeded(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    reserving = {"metadata": {"name": "models", "annotations": {"aigw-extproc/limits-reserve": "true"}}}
    policy = rate_limit("models", metered(5000, TOKENS)) | reserving
    served = (rule(ref(to=NOVA), model="nova"), SLOW)
    gateway = new_gateway(*documents(simulator.port, policy, rules=served), workers=2)
    missing = gateway.chat()
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "max_tokens")
    assert gateway.chat(max_tokens=5000).status_code == 429
    with ThreadPoolExecutor(20) as clients:
        together = list(clients.map(lambda _: gateway.chat("slow", max_tokens=900), range(20)))
    # At a time two requests have 900 tokens each, and those of the input.
    assert set(statuses(*together)) == {200, 429}
    # What was not used is given back: one after the other, all of them pass.
    assert statuses(*(gateway.chat(max_tokens=900) for _ in range(20))) == [200] * 20


def test_a_limit_by_network_and_address(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    def selected(network: str, kind: str = "Exact") -> Any:
        return {"clientSelectors": [{"sourceCIDR": {"value": network, "type": kind}}]}

    here, elsewhere = (
        limit_of(1, "Day", **selected("127.0.0.0/8", "Distinct")),
        limit_of(0, "Day", **selected("10.0.0.0/8")),
    )
    gateway = new_gateway(*documents(simulator.port, rate_limit("models", here, elsewhere)))
    assert statuses(gateway.chat(), gateway.chat()) == [200, 429]


def test_a_limit_in_shadow_mode_refuses_nothing(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    gateway = new_gateway(*documents(simulator.port, rate_limit("models", limit_of(1, "Day", shadowMode=True))))
    assert statuses(*(gateway.chat() for _ in range(3))) == [200] * 3
    assert gateway.processor.metric("aigw_limit_decisions_total", decision="shadow") == 2


def test_a_stream_that_its_client_leaves_is_charged(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    gateway = new_gateway(*documents(simulator.port, rate_limit("models", metered(1, TOKENS)), rules=(SLOW,)))
    body = question("slow", stream=True)
    with gateway.client.stream("POST", CHAT, json=body) as response:
        next(response.iter_raw())
    refused = lambda: gateway.chat("slow").status_code == 429 or None  # noqa: E731 - a name for the condition
    wait_for(refused, what="the charge for the stream")


def test_counts_survive_the_processor(simulator: RunningSimulator) -> None:
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        folder = Path(name)
        served = documents(simulator.port, rate_limit("models", limit_of(2, "Year")))
        ledger = str(folder / "counts.sqlite")
        for expected in ([200, 200, 429], [429, 429, 429]):
            with running_gateway(served, simulator=simulator, folder=folder, limits=ledger) as gateway:
                assert statuses(*(gateway.chat() for _ in range(3))) == expected
                gateway.processor.process.kill()
                gateway.processor.process.wait()


@needs_redis
@pytest.mark.parametrize(("annotations", "status"), [({}, 503), ({"aigw-extproc/limits-fail-open": "true"}, 200)])
def test_without_redis_requests_are_refused_or_let_in(
    new_gateway: NewGateway, simulator: RunningSimulator, annotations: Any, status: int
) -> None:
    policy = rate_limit("models", limit_of(2, "Year")) | {"metadata": {"name": "models", "annotations": annotations}}
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        place = Path(name) / "redis.sock"
        with running_redis(place) as url:
            gateway = new_gateway(*documents(simulator.port, policy), limits=url)
            assert gateway.chat().status_code == 200
        gone = gateway.chat()
        assert gone.status_code == status
        assert gone.json().get("error", {}).get("code") == ("limits_unavailable" if status == 503 else None)
        assert gateway.client.get("/v1/models").status_code == 200
        assert gateway.processor.metric("aigw_ledger_failures_total", operation="take") == 1
        with running_redis(place):  # a new one, that has no counts
            assert statuses(*(gateway.chat() for _ in range(3))) == [200, 200, 429]
