"""Load of every kind, with one hostile request in a hundred, while memory and answers are watched."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from typing import Any

import httpx

from aigw_extproc.config.files import key_file
from aigw_extproc.serve.malloc import KEPT_BYTES
from benchmarks.proc import resident_by_process
from tests.gateway.attacks import hostile_bodies
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import CHAT, Gateway, question, running_gateway
from tests.gateway.test_chat import PNG
from tests.gateway.test_tools import tool
from tests.simulator.running import running_simulator

CLIENTS = 8
PAUSE = 0.02
"""Seconds between two requests of a client."""
HOSTILE_SHARE = 0.01
WORKERS = 2
GROWTH = 1.1
"""Memory at the end, as a multiple of that after the first fifth of the time, besides what malloc may keep."""

NOVA, CLAUDE = "us.amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
PICTURE: Any = [
    {"type": "text", "text": "What is it?"},
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
]
USER: Any = [{"role": "user", "content": "Hello!"}]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of request, and the statuses that it may be answered with."""

    name: str
    path: str
    body: Any
    statuses: frozenset[int] = frozenset({200})
    key: bool = True


KINDS = (
    Kind(name="chat", path=CHAT, body=question(NOVA)),
    Kind(name="chat stream", path=CHAT, body=question(NOVA, stream=True)),
    Kind(name="chat with a tool", path=CHAT, body=question(NOVA, "Use look", tools=[tool("look")])),
    Kind(
        name="chat with an image", path=CHAT, body={"model": NOVA, "messages": [{"role": "user", "content": PICTURE}]}
    ),
    Kind(name="message", path="/v1/messages", body={"model": CLAUDE, "max_tokens": 20, "messages": USER}),
    Kind(
        name="message stream",
        path="/v1/messages",
        body={"model": CLAUDE, "max_tokens": 20, "messages": USER, "stream": True},
    ),
    Kind(name="count of tokens", path="/v1/messages/count_tokens", body={"model": CLAUDE, "messages": USER}),
    Kind(name="response", path="/v1/responses", body={"model": NOVA, "input": "Hello!"}),
    Kind(name="embeddings", path="/v1/embeddings", body={"model": "amazon.titan-embed-text-v2:0", "input": "Hello!"}),
    Kind(name="1 MB of text", path=CHAT, body=question(NOVA, "why " * 250_000)),
    Kind(name="wrong key", path=CHAT, body=question(NOVA), statuses=frozenset({401}), key=False),
)
REFUSALS = frozenset({200, 400, 401, 404, 413, 503})
"""What hostile requests may get."""


@dataclass(kw_only=True)
class Observed:
    """What was seen during the load."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    hostile: Counter[int] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    memory: list[dict[str, float]] = field(default_factory=list)
    """Megabytes by the name of the process, once a second."""


def run_mixed_load(seconds: float) -> list[str]:
    """Run the load, print figures, and return what was wrong."""
    with tempfile.TemporaryDirectory(prefix="aigw-") as name, running_simulator() as simulator:
        keys = Path(name) / "keys.yaml"
        key = key_file.create(keys, "soak")
        documents = [route("any", rule(ref())), *backend("bedrock", simulator.port)]
        limits = {"memory_limit": 2**30, "body_budget": 128_000_000}
        with running_gateway(
            documents, simulator=simulator, folder=Path(name), workers=WORKERS, api_keys=keys, **limits
        ) as gateway:
            observed = asyncio.run(_load(gateway, key, seconds))
            gateway.wait_until_idle()
            defects = gateway.processor.metric("aigw_defects_total")
    _print(observed, seconds)
    problems = [f"{count} x {what}" for what, count in observed.wrong.items()]
    return problems + _growth(observed.memory) + ([f"{defects:.0f} defects"] if defects else [])


async def _load(gateway: Gateway, key: str, seconds: float) -> Observed:
    observed, until = Observed(), time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        group.create_task(_watch(gateway, observed, until))
        for _ in range(CLIENTS):
            group.create_task(_client(gateway.url, key, observed, until))
    return observed


async def _watch(gateway: Gateway, observed: Observed, until: float) -> None:
    while time.monotonic() < until:
        processes = resident_by_process(gateway.processor.process.pid)
        names = ["supervisor", *(f"worker {number}" for number in range(len(processes) - 1))]
        envoy = resident_by_process(gateway.envoy.pid)[gateway.envoy.pid]
        observed.memory.append({"Envoy": envoy, **dict(zip(names, processes.values(), strict=True))})
        await asyncio.sleep(1)


async def _client(url: str, key: str, observed: Observed, until: float) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        while time.monotonic() < until:
            if random.random() < HOSTILE_SHARE:
                await _attack(url, key, observed)
            else:
                await _ask(client, key, random.choice(KINDS), observed)
            await asyncio.sleep(PAUSE)


async def _ask(client: httpx.AsyncClient, key: str, kind: Kind, observed: Observed) -> None:
    begun = time.monotonic()
    headers = {"authorization": f"Bearer {key if kind.key else 'wrong'}"}
    response = await client.post(kind.path, json=kind.body, headers=headers)
    observed.seconds[kind.name].append(time.monotonic() - begun)
    if response.status_code not in kind.statuses or (kind.body.get("stream") and not _is_whole(response.text)):
        observed.wrong[f"{kind.name}: {response.status_code} {response.text[-200:]}"] += 1


def _is_whole(stream: str) -> bool:
    return stream.endswith("data: [DONE]\n\n") or "event: message_stop" in stream


async def _attack(url: str, key: str, observed: Observed) -> None:
    body = random.choice(list(hostile_bodies().values()))
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    path = random.choice((CHAT, "/v1/messages", "/v1/responses", "/v1/embeddings"))
    try:
        # Some leave before they are answered.
        timeout = random.choice((60, 0.02))
        async with httpx.AsyncClient(base_url=url) as client:
            response = await client.post(path, content=body, headers=headers, timeout=timeout)
    except httpx.TransportError:
        observed.hostile[0] += 1
        return
    observed.hostile[response.status_code] += 1
    if response.status_code not in REFUSALS:
        observed.wrong[f"hostile: {response.status_code} {response.text[:200]}"] += 1


def _growth(memory: list[dict[str, float]]) -> list[str]:
    """Return the processes whose memory at the end is more than it was after the first fifth."""
    tenth = max(1, len(memory) // 10)
    problems = []
    for name in memory[0]:
        early = mean(sample[name] for sample in memory[2 * tenth : 3 * tenth] or memory)
        late = mean(sample[name] for sample in memory[-tenth:])
        print(f"{name}: {early:.0f} MB after the first fifth, {late:.0f} MB at the end")
        if late > GROWTH * early + KEPT_BYTES / 1e6:
            problems.append(f"the memory of {name} has grown from {early:.0f} to {late:.0f} MB")
    return problems


def _print(observed: Observed, seconds: float) -> None:
    total = sum(map(len, observed.seconds.values()))
    hostile = sum(observed.hostile.values())
    print(
        f"{total:,} requests in {seconds:.0f} s, and {hostile:,} hostile ones: {dict(sorted(observed.hostile.items()))}"
    )
    for name, durations in sorted(observed.seconds.items()):
        cuts = quantiles(durations, n=100) if len(durations) > 1 else durations * 99
        print(f"{name}: {len(durations):,}, p50 {cuts[49] * 1e3:.0f} ms, p99 {cuts[98] * 1e3:.0f} ms")
