"""One client's hostile requests do not hurt others: these are all served, and hardly later.

The gateway, its clients and its upstream share the processors of this machine, and often with other tests: differences
below `FLOOR` are not judged.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
import yaml

from aigw_extproc.config.resources.names import quantity
from benchmarks.proc import peak_megabytes, resident_by_process
from tests.docs.pages import ROOT
from tests.envoy_config.running import refused_port, wait_for
from tests.gateway.attacks import (
    ATTACKED,
    ROUNDS,
    Attack,
    attacked,
    compared,
    connect,
    head,
    hostile_bodies,
    others,
    request,
    send,
    sends,
)
from tests.gateway.conftest import NewGateway
from tests.gateway.resources import Document, backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.timeout(300)

NOVA = "us.amazon.nova-micro-v1:0"
MEGABYTE = 10**6
FACTOR = 3
"""Others' p99 during an attack, as a multiple of that without."""
FLOOR = 1.0
"""Seconds. Attacks that worked took from 1.6 s to half a minute of a worker; test_structure measures smaller costs."""
LARGE = 20 * MEGABYTE
LARGE_SECONDS = 4.0
"""Others' p99 beside bodies of this size, one after the other: each takes a worker 0.2 s."""
_VALUES = yaml.safe_load((ROOT / "charts/aigw-extproc/values.yaml").read_text())
ENVOY_MEMORY, PROCESSOR_MEMORY = (
    quantity(_VALUES[container]["resources"]["limits"]["memory"]) or 0 for container in ("envoy", "processor")
)
"""The limits of the chart's containers, in bytes."""
BODY_BUDGET = PROCESSOR_MEMORY // 4
"""As the processor takes it from its limit: `serve.memory`."""


@pytest.fixture(scope="module")
def refused() -> Iterator[int]:
    with refused_port() as port:
        yield port


@pytest.fixture(scope="module")
def documents(simulator: RunningSimulator, refused: int) -> list[Document]:
    """Others' model, and that of attacks, whose upstream refuses connections: it must not cost processor time."""
    return [
        route(
            "models",
            rule(ref(to=NOVA), model="nova"),
            rule(ref("refused", to=NOVA), model=ATTACKED),
            rule(ref("refused", to=NOVA), model="~.*claude.*sonnet.*"),
        ),
        route("any", rule(ref(to="catch.all")), hostnames=("any.example",)),
        *backend("bedrock", simulator.port),
        *backend("refused", refused),
    ]


@pytest.fixture(scope="module")
def target(start_gateway: NewGateway, documents: list[Document]) -> Gateway:
    return start_gateway(*documents, memory_limit=ENVOY_MEMORY, body_budget=BODY_BUDGET)


numbers = itertools.count()


def invents_names(gateway: Gateway) -> int:
    """Answered with 200 for every name, each of which could become a label."""
    return send(gateway, request(model=f"name-{next(numbers)}" + "x" * 500), host="any.example")


def asks_for_metrics(gateway: Gateway) -> int:
    return gateway.processor.admin.get("/metrics").status_code


def leaves(gateway: Gateway) -> None:
    """In the head, in the body, and before the answer."""
    body = request()
    for part in (head(9)[:40], head(9) + b"{", head(len(body)) + body):
        with connect(gateway) as connection:
            connection.sendall(part)


ATTACKS: dict[str, Attack] = {
    **{name: sends(body) for name, body in hostile_bodies().items()},
    "names for metrics": invents_names,
    "metrics": asks_for_metrics,
    "clients that leave": leaves,
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_others_are_served_during_an_attack(target: Gateway, attack: Attack) -> None:
    measured = await compared(target, attack)
    print(f"calm {measured.calm * 1e3:.0f} ms, attacked {measured.attacked * 1e3:.0f} ms, {Counter(measured.results)}")
    assert measured.failures == []
    assert measured.attacked <= max(FACTOR * measured.calm, FLOOR)


LARGE_BODIES = {
    "refused": request(x="x" * LARGE, messages=[]),
    "forwarded": request(messages=[{"role": "user", "content": "x" * LARGE}]),
}


@pytest.mark.parametrize("body", LARGE_BODIES.values(), ids=LARGE_BODIES)
async def test_others_are_served_beside_large_bodies(target: Gateway, body: bytes) -> None:
    measured = await compared(target, sends(body))
    print(f"calm {measured.calm * 1e3:.0f} ms, attacked {measured.attacked * 1e3:.0f} ms, {Counter(measured.results)}")
    assert measured.failures == []
    assert measured.attacked <= LARGE_SECONDS


async def test_others_are_served_beside_slow_uploads(target: Gateway) -> None:
    """Slow clients hold connections, and as much of the budget as large bodies may take."""
    calm = await others(target)
    with ExitStack() as connections:
        for number in range(300):
            connection = connections.enter_context(connect(target))
            connection.sendall(head(LARGE)[:40] if number % 2 else head(LARGE) + b"{")
        during = [await others(target) for _ in range(ROUNDS)]
        large = send(target, b"{}".ljust(LARGE))
    assert [served.failures for served in during] == [[]] * ROUNDS
    assert min(served.p99 for served in during) <= max(FACTOR * calm.p99, FLOOR)
    assert large in {503, 0}, "it is refused while it is sent"
    wait_for(lambda: send(target, b"{}".ljust(LARGE)) == 400 or None, what="the budget to be given back")


async def test_others_are_served_when_a_worker_is_killed(start_gateway: NewGateway, documents: list[Document]) -> None:
    gateway = start_gateway(*documents, workers=2)
    _, first, second = resident_by_process(gateway.processor.process.pid)

    def kill(_: Gateway) -> None:
        with suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)

    with attacked(gateway, kill):
        during = await others(gateway, 2)
    # Those that the worker was answering: at most one of each client.
    assert len(during.failures) <= 4
    wait_for(lambda: gateway.processor.readiness()["workers_running"] == 2 or None, what="the new worker")
    assert second in resident_by_process(gateway.processor.process.pid)
    assert (await others(gateway)).failures == []


async def test_memory_stays_below_the_charts_limits(start_gateway: NewGateway, documents: list[Document]) -> None:
    """Twenty bodies of 50 MB at once: each of the two took 1.7 GB for them."""
    gateway = start_gateway(*documents, memory_limit=ENVOY_MEMORY, body_budget=BODY_BUDGET)
    body = request(messages=[{"role": "user", "content": "x" * (50 * MEGABYTE - 100)}])
    with ThreadPoolExecutor(20) as clients:
        statuses = set(clients.map(lambda _: send(gateway, body), range(20)))
    assert statuses <= {0, 503, 504}  # the upstream refuses connections; 504 where the machine is slow
    assert peak_megabytes(gateway.envoy.pid) < ENVOY_MEMORY / MEGABYTE
    assert peak_megabytes(gateway.processor.process.pid) < PROCESSOR_MEMORY / MEGABYTE
    assert (await others(gateway)).failures == []
