"""Failover under load: no client sees the failures of a backend while another one works."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import count

import httpx
import openai
import pytest

from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY
from tests.envoy_config.running import Handler, Upstream, json_answer, running_upstream, wait_for
from tests.gateway.conftest import SDK_OPTIONS, NewGateway
from tests.gateway.resources import backend, openai_backend, ref, route, rule
from tests.gateway.running import CHAT, Gateway, question
from tests.simulator.running import RunningSimulator

REQUESTS = int(os.environ.get("AIGW_REQUESTS", "400"))
CONNECTIONS = 64


async def load(gateway: Gateway, model: str) -> Counter[int]:
    """Send REQUESTS requests on CONNECTIONS connections, and count the statuses."""
    numbers, statuses = iter(range(REQUESTS)), Counter[int]()

    async def ask(client: httpx.AsyncClient) -> None:
        for _ in numbers:
            response = await client.post(CHAT, json=question(model))
            statuses[response.status_code] += 1

    async with httpx.AsyncClient(base_url=gateway.url, timeout=60) as client, asyncio.TaskGroup() as tasks:
        for _ in range(CONNECTIONS):
            tasks.create_task(ask(client))
    return statuses


@pytest.fixture(scope="module")
def first() -> Iterator[Upstream]:
    with running_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def loaded(start_gateway: NewGateway, simulator: RunningSimulator, first: Upstream) -> Gateway:
    def fallback(model: str, *backends: str) -> dict[str, object]:
        refs = (ref(name, priority=index) for index, name in enumerate(backends))
        return rule(*refs, model=model)

    return start_gateway(
        route("models", fallback("nova", "first", "bedrock")),
        *openai_backend("first", first.port),
        *backend("bedrock", simulator.port),
    )


def throttle(handler: Handler) -> None:
    handler.send_response_only(429)
    handler.send_header("content-length", "0")
    handler.end_headers()


async def test_a_first_backend_that_is_throttled_costs_no_request(loaded: Gateway, first: Upstream) -> None:
    first.reset(throttle)
    assert await load(loaded, "nova") == {200: REQUESTS}
    assert len(first.received) == REQUESTS


async def test_half_of_the_requests_are_served_by_the_first(loaded: Gateway, first: Upstream) -> None:
    numbers, lock = count(), threading.Lock()

    def every_other(handler: Handler) -> None:
        with lock:
            throttled = next(numbers) % 2
        (throttle if throttled else json_answer)(handler)

    first.reset(every_other)
    assert await load(loaded, "nova") == {200: REQUESTS}
    assert len(first.received) == REQUESTS


@contextlib.contextmanager
def simulator_process() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A simulator that can be killed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "aigw_extproc", "simulator", "--port", str(port)])
    try:
        wait_for(lambda: _accepts(port), what="the simulator", seconds=30)
        yield port, process
    finally:
        process.kill()
        process.wait()


def _accepts(port: int) -> bool | None:
    with socket.socket() as client:
        return True if client.connect_ex(("127.0.0.1", port)) == 0 else None


async def test_a_backend_that_dies_breaks_only_the_streams_that_had_begun(
    new_gateway: NewGateway, simulator: RunningSimulator
) -> None:
    keys = {"key_id": DEMO_ACCESS_KEY_ID, "secret": DEMO_SECRET_ACCESS_KEY}
    with simulator_process() as (port, process):
        gateway = new_gateway(
            route(
                "models", rule(ref("mortal", to="simulator.slow-200"), ref("bedrock", to="nova", priority=1), model="m")
            ),
            *backend("mortal", port, **keys),
            *backend("bedrock", simulator.port),
        )
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", **SDK_OPTIONS) as client:
            streams = [await _begun(client) for _ in range(4)]
            process.kill()
            results = await asyncio.gather(*(_rest(stream) for stream in streams), return_exceptions=True)
            later = await asyncio.gather(*(_whole(client) for _ in range(16)))
    assert all(isinstance(result, (openai.APIConnectionError, httpx.RemoteProtocolError)) for result in results)
    assert set(later) == {"Hello! You said: Hello!"}


Stream = openai.AsyncStream[openai.types.chat.ChatCompletionChunk]


async def _begun(client: openai.AsyncOpenAI) -> Stream:
    """A stream, after its first piece."""
    stream = await client.chat.completions.create(**question("m"), stream=True)
    await anext(aiter(stream))
    return stream


async def _rest(stream: Stream) -> list[object]:
    return [chunk async for chunk in stream]


async def _whole(client: openai.AsyncOpenAI) -> str | None:
    answer = await client.chat.completions.create(**question("m"))
    return answer.choices[0].message.content
