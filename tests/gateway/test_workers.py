"""A worker that is killed under load: the others go on, and its successor serves."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from aigw_extproc.extproc.transport import Transport
from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NewGateway
from tests.gateway.load import SERVED, Outcome, steady, streamed, whole
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import Gateway
from tests.serve.test_supervisor import alive
from tests.simulator.running import RunningSimulator

CLIENTS = 16
NOTICED_SECONDS = 0.2
"""After this Envoy has noticed that the connections of the dead worker are closed."""


def workers(gateway: Gateway) -> list[int]:
    """Return the process ids of the workers that run."""
    pid = gateway.processor.process.pid
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def running(gateway: Gateway) -> int:
    number: int = gateway.processor.readiness()["workers_running"]
    return number


async def killed_under_load(gateway: Gateway) -> tuple[list[Outcome], float, float]:
    """Kill a worker while clients send requests; return what became of them, when it was killed, and when dead."""
    done = asyncio.Event()
    asks = [streamed() if number % 2 else whole for number in range(CLIENTS)]
    load = asyncio.ensure_future(steady(asks, gateway.url, done))
    await asyncio.to_thread(
        wait_for, lambda: gateway.processor.metric("aigw_exchanges_total") > CLIENTS or None, what="load"
    )
    killed, first = time.monotonic(), workers(gateway)[0]
    os.kill(first, signal.SIGKILL)
    await asyncio.to_thread(wait_for, lambda: None if alive(first) else True, what="the end of the process")
    dead = time.monotonic()
    await asyncio.to_thread(wait_for, lambda: running(gateway) == 1 or None, what="the death")
    await asyncio.to_thread(wait_for, lambda: running(gateway) == 2 or None, what="the successor")
    served = gateway.processor.metric("aigw_exchanges_total")
    await asyncio.to_thread(
        wait_for, lambda: gateway.processor.metric("aigw_exchanges_total") > served + CLIENTS or None, what="more load"
    )
    done.set()
    return await load, killed, dead


async def test_only_exchanges_of_the_killed_worker_fail(
    new_gateway: NewGateway, simulator: RunningSimulator, transport: Transport
) -> None:
    documents = route("any", rule(ref())), *backend("bedrock", simulator.port)
    gateway = new_gateway(*documents, workers=2, transport=transport)
    outcomes, killed, dead = await killed_under_load(gateway)
    failed = [outcome for outcome in outcomes if outcome.result != SERVED]
    assert [one for one in failed if one.began > dead + NOTICED_SECONDS or one.ended < killed] == []
    assert len(failed) < CLIENTS
    active = [outcome for outcome in outcomes if outcome.began < killed < outcome.ended]
    assert len(active) - len(failed) > 0  # those of the other worker
    gateway.wait_until_idle()  # those that died with their worker are not counted for ever
