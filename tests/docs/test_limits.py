"""The recipes of the page about limits work, each with a smaller limit."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY
from tests.docs.pages import blocks
from tests.docs.test_blocks import base, named
from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NOVA
from tests.gateway.running import Gateway, running_gateway
from tests.simulator.running import running_simulator

PER_USER, PER_TEAM, PER_MODEL, STOP = blocks("yaml", note="limit")
DEMO = {"AWS_ACCESS_KEY_ID": DEMO_ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": DEMO_SECRET_ACCESS_KEY}

Start = Callable[[Any, int], Gateway]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a gateway with a recipe, whose limit is this number."""
    with ExitStack() as stack:

        def start(recipe: Any, requests: int) -> Gateway:
            simulator = stack.enter_context(running_simulator())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aigw-")))
            resources = {**base(), **named(recipe)}
            resources["Backend", "bedrock"]["spec"]["endpoints"] = [
                {"ip": {"address": "127.0.0.1", "port": simulator.port}}
            ]
            documents = [one for one in resources.values() if one["kind"] != "BackendTLSPolicy"]
            policy = next(one for one in documents if one["kind"] == "BackendTrafficPolicy")
            (rule,) = policy["spec"]["rateLimit"]["global"]["rules"]
            rule["limit"]["requests"] = requests
            return stack.enter_context(running_gateway(documents, simulator=simulator, folder=folder, environment=DEMO))

        yield start


def until(gateway: Gateway, status: int, **headers: str) -> dict[str, Any]:
    """The answer, of as many as it takes, that has this status."""

    def answer() -> dict[str, Any] | None:
        response = gateway.chat(NOVA, headers=headers)
        return response.json() if response.status_code == status else None

    return wait_for(answer, what=f"the status {status}")


def test_tokens_a_minute_per_user(start: Start) -> None:
    gateway = start(PER_USER, 1)
    until(gateway, 429)
    assert gateway.chat(NOVA, headers={"x-aigw-client": "another"}).status_code in {200, 429}
    assert "limit of 1 tokens per minute" in until(gateway, 429)["error"]["message"]


def test_dollars_a_month_per_team(start: Start) -> None:
    gateway = start(PER_TEAM, 1)
    until(gateway, 200, x_team="")
    headers = {"x-team": "red"}
    assert [gateway.chat(NOVA, headers=headers).status_code for _ in range(2)] == [200, 429]
    assert gateway.chat(NOVA, headers={"x-team": "blue"}).status_code == 200


def test_requests_a_second_per_model(start: Start) -> None:
    gateway = start(PER_MODEL, 1)
    assert "limit of 1 requests per second" in until(gateway, 429)["error"]["message"]
    until(gateway, 200)


def test_a_hard_stop(start: Start) -> None:
    gateway = start(STOP, 10)
    assert gateway.chat(NOVA).status_code == 400
    assert gateway.chat(NOVA, max_tokens=10).status_code == 429
    assert gateway.simulator.requests() == []
