"""Changed resource files take effect while requests run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NewGateway
from tests.gateway.resources import Document, backend, ref, route, rule, write
from tests.gateway.running import CHAT, Gateway, question
from tests.simulator.running import RunningSimulator

PROMISED = 2.0
"""Seconds within which a change takes effect."""


def documents(simulator: RunningSimulator, *models: str, secret: str | None = None) -> list[Document]:
    signing = {} if secret is None else {"secret": secret}
    rules = [rule(ref(to=f"routed.{model}"), model=model) for model in models]
    return [route("models", *rules), *backend("bedrock", simulator.port, **signing)]


def seconds_until(done: Callable[[], bool], *, after: Callable[[], object]) -> float:
    """How long it takes from a change until it is done."""
    begun = time.monotonic()
    after()
    wait_for(lambda: True if done() else None, what="the change to take effect")
    return time.monotonic() - begun


@contextmanager
def requests_all_the_time(gateway: Gateway, model: str) -> Iterator[list[int]]:
    """Sends requests one after the other, streamed and not, and collects their statuses."""
    statuses: list[int] = []
    stop = threading.Event()

    def send() -> None:
        with httpx.Client(base_url=gateway.url, timeout=20) as client:
            while not stop.is_set():
                body = question(model, stream=len(statuses) % 2 == 0)
                statuses.append(client.post(CHAT, json=body).status_code)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_change_takes_effect_without_a_failed_request(
    new_gateway: NewGateway, simulator: RunningSimulator, workers: int
) -> None:
    gateway = new_gateway(*documents(simulator, "old"), workers=workers)
    assert gateway.chat("new").status_code == 404
    with requests_all_the_time(gateway, "old") as statuses:
        took = seconds_until(
            lambda: gateway.chat("new").status_code == 200,
            after=lambda: write(gateway.resources, *documents(simulator, "old", "new")),
        )
        enough = len(statuses) + 20
        wait_for(lambda: True if len(statuses) >= enough else None, what="requests after the change")
    assert took < PROMISED
    assert set(statuses) == {200}


def test_a_stream_keeps_the_rules_that_it_began_with(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    rules = route("models", rule(ref(to="simulator.hold"), model="old"))
    signer = backend("bedrock", simulator.port)
    gateway = new_gateway(rules, *signer)
    with gateway.client.stream("POST", CHAT, json=question("old", stream=True)) as response:
        lines = response.iter_lines()
        next(lines)
        write(gateway.resources, *documents(simulator, "new"))
        models = lambda: [model["id"] for model in httpx.get(f"{gateway.url}/v1/models").json()["data"]]  # noqa: E731
        wait_for(lambda: True if models() == ["new"] else None, what="the new rules")
        for _ in range(8):
            simulator.acknowledge(response.headers["x-amzn-requestid"])
        assert list(lines)[-2] == "data: [DONE]"


def test_a_changed_secret_takes_effect(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    gateway = new_gateway(*documents(simulator, "nova", secret="outdated"))
    assert gateway.chat().status_code == 401
    took = seconds_until(
        lambda: gateway.chat().status_code == 200,
        after=lambda: write(gateway.resources, *documents(simulator, "nova")),
    )
    assert took < PROMISED


def broken(simulator: RunningSimulator) -> list[Document]:
    """One resource with an unknown field, and a reference to nothing."""
    wrong = route("models", rule(ref("nowhere"), model="new"))
    wrong["spec"]["colour"] = "green"
    return [wrong, *backend("bedrock", simulator.port)]


def test_a_broken_change_changes_nothing_and_shows_in_readyz(
    new_gateway: NewGateway, simulator: RunningSimulator
) -> None:
    gateway = new_gateway(*documents(simulator, "old"))
    with requests_all_the_time(gateway, "old") as statuses:
        write(gateway.resources, *broken(simulator))
        shown = wait_for(lambda: gateway.processor.readiness()["config"]["problems"] or None, what="the problem")
        enough = len(statuses) + 20
        wait_for(lambda: True if len(statuses) >= enough else None, what="requests after the change")
    assert set(statuses) == {200}
    assert gateway.chat("new").status_code == 404
    assert gateway.processor.readiness()["ready"] is True
    where = f"{gateway.resources}: AIGatewayRoute default/models"
    assert shown == [
        f"{where}: spec.colour: unknown field",
        f"{where}: spec.rules[0].backendRefs[0].name: there is no AIServiceBackend 'default/nowhere'",
    ]


def test_a_broken_change_is_logged_once(new_gateway: NewGateway, simulator: RunningSimulator) -> None:
    gateway = new_gateway(*documents(simulator, "old"))
    write(gateway.resources, *broken(simulator))
    wait_for(lambda: gateway.processor.readiness()["config"]["problems"] or None, what="the problem")
    write(gateway.resources, *documents(simulator, "old"))
    mended = lambda: gateway.processor.readiness()["config"]["problems"] == []  # noqa: E731 - asked repeatedly
    wait_for(lambda: True if mended() else None, what="the problem to go away")
    assert gateway.processor.log.read_text().count("config rejected") == 1
