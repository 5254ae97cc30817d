"""SIGTERM: what has begun is finished, then the process ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from aigw_extproc.extproc.transport import Transport
from tests.envoy_config.running import wait_for
from tests.gateway.conftest import NewGateway
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import CHAT, DRAIN_SECONDS, Gateway, events, question
from tests.gateway.test_streaming import CHOICES
from tests.simulator.running import RunningSimulator


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def own_gateway(
    request: pytest.FixtureRequest, new_gateway: NewGateway, simulator: RunningSimulator, transport: Transport
) -> Gateway:
    documents = route("any", rule(ref())), *backend("bedrock", simulator.port)
    return new_gateway(*documents, workers=request.param, transport=transport)


def is_ready(gateway: Gateway) -> bool:
    try:
        return gateway.processor.admin.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_stream_is_finished_after_sigterm(own_gateway: Gateway) -> None:
    processor, simulator = own_gateway.processor, own_gateway.simulator
    with own_gateway.client.stream("POST", CHAT, json=question("simulator.hold", stream=True)) as response:
        lines = response.iter_lines()
        told = events(next(lines))
        processor.process.terminate()
        wait_for(lambda: None if is_ready(own_gateway) else True, what="the processor to be draining")
        assert processor.process.poll() is None
        for _ in range(7):
            simulator.acknowledge(response.headers["x-amzn-requestid"])
        told += [event for line in lines if line for event in events(line)]
    assert [event["choices"] for event in told[:-1]] == CHOICES
    assert told[-1] == "[DONE]"
    assert processor.process.wait(10) == 0


def test_a_whole_answer_is_finished_after_sigterm(
    new_gateway: NewGateway, simulator: RunningSimulator, transport: Transport
) -> None:
    """The answer comes while the processor drains."""
    documents = route("any", rule(ref())), *backend("bedrock", simulator.port)
    gateway = new_gateway(*documents, transport=transport)
    known = {entry["id"] for entry in simulator.requests()}
    arrived = lambda: {entry["id"] for entry in simulator.requests()} - known  # noqa: E731 - asked repeatedly
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(gateway.chat, "simulator.slow-1000")
        wait_for(lambda: arrived() or None, what="the request at the simulator")
        gateway.processor.process.terminate()
        assert answer.result(20).json()["choices"][0]["message"]["content"] == "Hello! You said: Hello!"
    assert gateway.processor.process.wait(10) == 0


def test_a_drain_without_work_is_quick_and_quiet(own_gateway: Gateway) -> None:
    own_gateway.chat()
    own_gateway.processor.process.terminate()
    assert own_gateway.processor.process.wait(DRAIN_SECONDS / 2) == 0
    lines = own_gateway.processor.log.read_text().splitlines()
    assert [line for line in lines if " ERROR " in line or " WARNING " in line or "Traceback" in line] == []
