"""The user guide's token limits, and the reference's quota, with their Backends pointed at a port of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.envoy_config.running import Handler, Upstream, running_upstream
from tests.gateway.conftest import NewGateway
from tests.gateway.resources import openai_backend, quota_policy, ref, route, rule
from tests.gateway.running import Gateway
from tests.gateway.test_guide_files import GUIDE

FILE = GUIDE.with_name("token_ratelimit-token_ratelimit.yaml")
MODEL = "rate-limit-funky-model"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with running_upstream() as running:
        yield running


def answering(upstream: Upstream, **usage: int) -> None:
    """Let the upstream report these tokens in every response."""
    message = {"role": "assistant", "content": "Hi"}
    answer = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
    body = json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", **answer}).encode()

    def respond(handler: Handler) -> None:
        handler.send_response_only(200)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    upstream.reset(respond)


def usage(prompt: int, completion: int = 1, cached: int = 0) -> dict[str, Any]:
    details = {"prompt_tokens_details": {"cached_tokens": cached}} if cached else {}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **details,
    }


def ask(gateway: Gateway, tenant: str | None = None) -> httpx.Response:
    return gateway.chat(MODEL, headers={"x-tenant-id": tenant} if tenant else {})


@pytest.fixture
def guide_gateway(new_gateway: NewGateway, upstream: Upstream) -> Gateway:
    documents = [document for document in yaml.safe_load_all(FILE.read_text()) if document]
    for document in documents:
        if document["kind"] == "Backend":
            document["spec"]["endpoints"] = [{"ip": {"address": "127.0.0.1", "port": upstream.port}}]
    return new_gateway(*documents)


@pytest.mark.skipif(not FILE.is_file(), reason=f"the user guide's files are not at {FILE.parent}")
def test_each_kind_of_tokens_has_its_limit(guide_gateway: Gateway, upstream: Upstream) -> None:
    limits = {
        "input": (usage(6), 2, "10"),
        "output": (usage(1, 60), 2, "100"),
        "cached": (usage(4, 1, cached=4), 3, "10"),
        "cel": (usage(3), 1, "1000"),
    }
    for tenant, (tokens, requests, limit) in limits.items():
        answering(upstream, **tokens)
        answers = [ask(guide_gateway, tenant) for _ in range(requests + 1)]
        assert [answer.status_code for answer in answers] == [200] * requests + [429]
        assert (tenant, answers[-1].headers["x-ratelimit-limit-tokens"]) == (tenant, limit)
        assert len(upstream.received) == requests


@pytest.mark.skipif(not FILE.is_file(), reason=f"the user guide's files are not at {FILE.parent}")
def test_without_the_tenants_header_there_is_no_limit(guide_gateway: Gateway, upstream: Upstream) -> None:
    answering(upstream, **usage(1000, 1000))
    assert [ask(guide_gateway, each).status_code for each in (None, None, "a", "a", "b")] == [200, 200, 200, 429, 200]


def test_the_references_quota_is_enforced(new_gateway: NewGateway, upstream: Upstream) -> None:
    """10 tokens an hour; its own end-to-end test sends a response of 20, and expects the next request to be refused."""
    bucket = {"mode": "Shared", "defaultBucket": {"limit": 10, "duration": "1h"}}
    gateway = new_gateway(
        route("quota", rule(ref("served", to="quota-test-model"), model=MODEL)),
        *openai_backend("served", upstream.port),
        quota_policy("served", perModelQuotas=[{"modelName": "quota-test-model", "quota": bucket}]),
    )
    answering(upstream, **usage(1, 19))
    assert [ask(gateway).status_code for _ in range(3)] == [200, 429, 429]
    assert len(upstream.received) == 1


def test_a_quota_can_count_by_an_expression(new_gateway: NewGateway, upstream: Upstream) -> None:
    quota = {"costExpression": "output_tokens * 6u", "defaultBucket": {"limit": 12, "duration": "1d"}}
    gateway = new_gateway(
        route("quota", rule(ref("served", to="m"), model=MODEL)),
        *openai_backend("served", upstream.port),
        quota_policy("served", perModelQuotas=[{"modelName": "m", "quota": quota}]),
    )
    answering(upstream, **usage(1000, 1))
    assert [ask(gateway).status_code for _ in range(3)] == [200, 200, 429]


def test_the_next_backend_is_tried_when_a_quota_is_used_up(new_gateway: NewGateway, upstream: Upstream) -> None:
    first = {"defaultBucket": {"limit": 10, "duration": "1d"}}
    with running_upstream() as second:
        gateway = new_gateway(
            route("quota", rule(ref("first"), ref("second", priority=1), model=MODEL)),
            *openai_backend("first", upstream.port),
            *openai_backend("second", second.port),
            quota_policy("first", perModelQuotas=[{"modelName": MODEL, "quota": first}]),
            quota_policy("second", serviceQuota={"quota": {"limit": 20, "duration": "1d"}}),
        )
        answering(upstream, **usage(10))
        answering(second, **usage(10))
        assert [ask(gateway).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert (len(upstream.received), len(second.received)) == (1, 2)
