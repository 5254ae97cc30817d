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
def requests_all_the_time(gateway: Gateway, model: str, **headers: str) -> Iterator[list[int]]:
    """Sends requests one after the other, streamed and not, and collects their statuses."""
    statuses: list[int] = []
    stop = threading.Event()

    def send() -> None:
        with httpx.Client(base_url=gateway.url, timeout=20, headers=headers) as client:
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


def models(gateway: Gateway) -> list[str]:
    return [model["id"] for model in httpx.get(f"{gateway.url}/v1/models").json()["data"]]


def problems(gateway: Gateway) -> list[str]:
    """What is wrong with the resource file, as /readyz has it."""
    return gateway.processor.readiness()["config"]["problems"]


@pytest.fixture(scope="module")
def one_worker(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    return start_gateway(*documents(simulator, "old"))


@pytest.fixture
def reloading(one_worker: Gateway, simulator: RunningSimulator) -> Gateway:
    """A gateway that serves the model `old`, whatever the test before has left."""
    write(one_worker.resources, *documents(simulator, "old"))
    served = lambda: models(one_worker) == ["old"] and one_worker.chat("old").status_code == 200  # noqa: E731 - asked repeatedly
    wait_for(lambda: True if served() and problems(one_worker) == [] else None, what="the rules to begin with")
    return one_worker


@pytest.fixture
def two_workers(new_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    return new_gateway(*documents(simulator, "old"), workers=2)


@pytest.mark.parametrize("workers", ["reloading", "two_workers"])
def test_a_change_takes_effect_without_a_failed_request(
    request: pytest.FixtureRequest, simulator: RunningSimulator, workers: str
) -> None:
    gateway: Gateway = request.getfixturevalue(workers)
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


def test_a_stream_keeps_the_rules_that_it_began_with(reloading: Gateway, simulator: RunningSimulator) -> None:
    held = route("models", rule(ref(to="simulator.hold"), model="held"))
    write(reloading.resources, held, *backend("bedrock", simulator.port))
    wait_for(lambda: True if models(reloading) == ["held"] else None, what="the first rules")
    with reloading.client.stream("POST", CHAT, json=question("held", stream=True)) as response:
        lines = response.iter_lines()
        next(lines)
        write(reloading.resources, *documents(simulator, "new"))
        wait_for(lambda: True if models(reloading) == ["new"] else None, what="the new rules")
        for _ in range(7):
            simulator.acknowledge(response.headers["x-amzn-requestid"])
        assert list(filter(None, lines))[-1] == "data: [DONE]"


def test_a_changed_secret_takes_effect(reloading: Gateway, simulator: RunningSimulator) -> None:
    for secret, status in (("outdated", 401), (None, 200)):
        took = seconds_until(
            lambda status=status: reloading.chat("old").status_code == status,
            after=lambda secret=secret: write(reloading.resources, *documents(simulator, "old", secret=secret)),
        )
        assert took < PROMISED


def broken(simulator: RunningSimulator) -> list[Document]:
    """A resource with an unknown field, and a reference to nothing."""
    wrong = route("models", rule(ref("nowhere"), model="new"))
    wrong["spec"]["colour"] = "green"
    return [wrong, *backend("bedrock", simulator.port)]


def test_a_broken_change_changes_nothing_and_shows_in_readyz(reloading: Gateway, simulator: RunningSimulator) -> None:
    with requests_all_the_time(reloading, "old") as statuses:
        write(reloading.resources, *broken(simulator))
        shown = wait_for(lambda: problems(reloading) or None, what="the problem")
        enough = len(statuses) + 20
        wait_for(lambda: True if len(statuses) >= enough else None, what="requests after the change")
    assert set(statuses) == {200}
    assert models(reloading) == ["old"]
    assert reloading.processor.readiness()["ready"] is True
    where = f"{reloading.resources}: AIGatewayRoute default/models"
    assert shown == [
        f"{where}: spec.colour: unknown field",
        f"{where}: spec.rules[0].backendRefs[0].name: there is no AIServiceBackend 'default/nowhere'",
    ]


def test_a_broken_change_is_logged_once(reloading: Gateway, simulator: RunningSimulator) -> None:
    logged = lambda: reloading.processor.log.read_text().count("config rejected")  # noqa: E731 - asked twice
    before = logged()
    write(reloading.resources, *broken(simulator))
    wait_for(lambda: problems(reloading) or None, what="the problem")
    write(reloading.resources, *documents(simulator, "old"))
    wait_for(lambda: True if problems(reloading) == [] else None, what="the problem to go away")
    assert logged() == before + 1


def test_the_watch_does_not_log_what_it_sees(reloading: Gateway) -> None:
    """Its folder holds the log as well: a line about each event in it would be the next event, for ever."""
    assert reloading.processor.log.parent == reloading.resources.parent
    assert "watchfiles" not in reloading.processor.log.read_text()
