"""Many streams at once on one worker, and several workers."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from aigw_extproc.extproc.transport import Transport
from benchmarks.proc import resident_megabytes
from tests.gateway.conftest import NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import CHAT, Gateway, events, question
from tests.simulator.running import RunningSimulator, running_simulator

STREAMS = 200
PER_SIMULATOR = STREAMS // 2
"""A simulator remembers its last 100 requests, and holds what it has not forgotten."""
HELD_FRAMES = 4
"""What follows the first frame when the answer is one token long."""


async def told(client: httpx.AsyncClient, simulator: RunningSimulator, model: str, begun: asyncio.Barrier) -> object:
    """What one stream says; the simulator holds it at its first frame until all have begun."""
    body = question(model, stream=True, max_tokens=1)
    async with client.stream("POST", CHAT, json=body) as response:
        lines = response.aiter_lines()
        said = events(await anext(lines))
        await begun.wait()
        for _ in range(HELD_FRAMES):
            await asyncio.to_thread(simulator.acknowledge, response.headers["x-amzn-requestid"])
        said += [event async for line in lines if line for event in events(line)]
    return [event if event == "[DONE]" else event["choices"][0]["delta"].get("content") for event in said]


async def test_two_hundred_streams_at_once_on_one_worker(new_gateway: NewGateway) -> None:
    with running_simulator() as first, running_simulator() as second:
        gateway = new_gateway(
            route(
                "held",
                rule(ref("first", to="simulator.hold"), model="first"),
                rule(ref("second", to="simulator.hold"), model="second"),
            ),
            *backend("first", first.port),
            *backend("second", second.port),
        )
        begun = asyncio.Barrier(STREAMS + 1)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with (
            httpx.AsyncClient(base_url=gateway.url, limits=limits, timeout=60) as client,
            asyncio.TaskGroup() as group,
        ):
            streams = [
                group.create_task(told(client, simulator, model, begun))
                for model, simulator in (("first", first), ("second", second))
                for _ in range(PER_SIMULATOR)
            ]
            while begun.n_waiting < STREAMS:  # noqa: ASYNC110 - the barrier tells nobody who waits at it
                await asyncio.sleep(0.01)
            active = await asyncio.to_thread(gateway.processor.metric, "aigw_active_exchanges")
            await begun.wait()
    assert [task.result() for task in streams] == [[None, "Hello! ", None, "[DONE]"]] * STREAMS
    assert active == STREAMS


def requests(gateway: Gateway, cluster: str) -> list[int]:
    """How many requests Envoy has sent to each host of a cluster."""
    statuses = gateway.envoy.admin.get("/clusters", params={"format": "json"}).json()["cluster_statuses"]
    (hosts,) = (status["host_statuses"] for status in statuses if status["name"] == cluster)
    return [int(stat.get("value", 0)) for host in hosts for stat in host["stats"] if stat["name"] == "rq_total"]


@pytest.fixture(scope="module")
def two_workers(start_gateway: NewGateway, simulator: RunningSimulator) -> Gateway:
    documents = route("any", rule(ref())), *backend("bedrock", simulator.port)
    return start_gateway(*documents, workers=2)


def test_two_workers_share_the_work_and_are_counted_as_one(two_workers: Gateway) -> None:
    answers = [two_workers.chat("simulator.long-3", stream=number % 2 == 0).status_code for number in range(40)]
    assert answers == [200] * 40
    served = requests(two_workers, "aigw-extproc")
    assert (len(served), min(served) > 0) == (2, True)
    two_workers.wait_until_idle()
    assert two_workers.processor.metric("aigw_exchanges_total", operation="chat", status="200") == 40
    assert two_workers.processor.metric("gen_ai_client_token_usage_token_sum", gen_ai_token_type="output") == 120


def test_two_workers_are_ready(two_workers: Gateway) -> None:
    assert two_workers.processor.readiness()["ready"] is True


LARGE, WAITING = 5_000_000, 20
"""Bytes of a request, and how many wait for an answer at a time."""


async def test_requests_that_wait_for_an_answer_are_not_kept(new_gateway: NewGateway, transport: Transport) -> None:
    """Bedrock may think for minutes; meanwhile nothing is needed of what it was asked."""
    with running_simulator() as simulator:
        gateway = new_gateway(
            route("slow", rule(ref(to="simulator.slow-60000"), model="slow")),
            *backend("bedrock", simulator.port),
            transport=transport,
        )
        before = resident_megabytes(gateway.processor.process.pid)
        async with httpx.AsyncClient(base_url=gateway.url, timeout=60) as client, asyncio.TaskGroup() as group:
            asking = []
            for number in range(1, WAITING + 1):
                asking.append(group.create_task(client.post(CHAT, json=question("slow", "why " * (LARGE // 4)))))
                # One after the other: the memory that many take at once is not given back at once.
                async with asyncio.timeout(10):
                    while sum(await asyncio.to_thread(requests, gateway, "default/bedrock")) < number:  # noqa: ASYNC110 - another process
                        await asyncio.sleep(0.01)
            grown = resident_megabytes(gateway.processor.process.pid) - before
            for one in asking:
                one.cancel()
    assert grown < LARGE * WAITING / 1e6
