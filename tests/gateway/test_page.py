"""The page of a gateway with two workers: the traffic of both, attempts, explanations, and no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NOVA, NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import CHAT, Gateway, question
from tests.gateway.test_failover import ACCOUNT, fallback, other_account
from tests.simulator.running import RunningSimulator, running_simulator

PAGES = ("/", "/traffic", "/traffic/rows", "/explain", "/playground", "/models", "/status.json")
CANARY = "canary-of-a-client"


@pytest.fixture(scope="module")
def watched(start_gateway: NewGateway, simulator: RunningSimulator) -> Iterator[Gateway]:
    with running_simulator(ACCOUNT) as second:
        changed = ref(headerMutation={"set": [{"name": "x-partner", "value": CANARY}]})
        yield start_gateway(
            route(
                "models",
                rule(changed, model=NOVA),
                fallback("throttled", ref(to="simulator.throttling"), ref("second", to=NOVA)),
            ),
            *backend("bedrock", simulator.port),
            *other_account("second", second.port),
            workers=2,
        )


def rows(gateway: Gateway) -> str:
    return gateway.processor.admin.get("/traffic/rows").text


def test_the_requests_of_all_workers_are_seen(watched: Gateway) -> None:
    before = watched.processor.admin.get("/status.json").json()["requests"]
    for _ in range(20):  # a connection each, which Envoy balances over the workers
        httpx.post(f"{watched.url}{CHAT}", json=question(NOVA), timeout=30).raise_for_status()
    wait_for(
        lambda: watched.processor.admin.get("/status.json").json()["requests"] == before + 20 or None,
        what="the requests of both workers",
    )


def test_attempts_are_seen_with_their_request(watched: Gateway) -> None:
    assert watched.chat("throttled").status_code == 200
    wait_for(lambda: "↳ attempt 2" in rows(watched) or None, what="both attempts")
    assert "429 throttling_exception" in rows(watched)
    assert "default/second" in rows(watched)


def test_a_refused_request_is_seen(watched: Gateway) -> None:
    assert watched.chat("nobody").status_code == 404
    wait_for(lambda: "404 model_not_found" in rows(watched) or None, what="the refused request")


def test_an_explanation_is_what_is_sent(watched: Gateway) -> None:
    body = json.dumps(question(NOVA, seed=7)).encode()
    report = watched.processor.admin.post("/explain", content=body, headers={"content-type": "application/json"}).json()
    sent = watched.received(watched.chat(NOVA, seed=7))
    (only,) = report["backends"]
    assert json.loads(sent["body"]) == only["requests"][0]["body"]
    assert sent["path"] == only["requests"][0]["path"]
    assert [change["place"] for change in only["changes"]] == ["seed"]


def test_no_secret_is_on_any_page(watched: Gateway, simulator: RunningSimulator) -> None:
    secrets = [CANARY, *simulator.settings.credentials.values(), *ACCOUNT.credentials.values()]
    watched.chat(NOVA, headers={"authorization": f"Bearer {CANARY}", "cookie": CANARY})
    body = json.dumps(question(NOVA)).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {CANARY}"}
    texts = [watched.processor.admin.get(path).text for path in PAGES]
    texts.append(watched.processor.admin.post("/explain", content=body, headers=headers).text)
    form = {"path": CHAT, "headers": "x-tier: a", "body": body.decode()}
    texts.append(watched.processor.admin.post("/explain", data=form).text)
    assert all(len(text) > 100 for text in texts)
    assert [secret for secret in secrets for text in texts if secret in text] == []
