"""Many clients at once, and what their responses say they have used: the ledger must have counted the same."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import redis

from tests.gateway.resources import backend, rate_limit, ref, route, rule
from tests.gateway.running import CHAT, Gateway, events, question

NOVA = "us.amazon.nova-micro-v1:0"
NAMESPACE = "io.envoy.ai_gateway"
MODELS = ("nova", "failover")


def documents(port: int) -> list[Any]:
    """A gateway that counts the tokens and the requests of each tenant, with a rule that fails over."""
    cost = {
        "request": {"from": "Number", "number": 0},
        "response": {"from": "Metadata", "metadata": {"namespace": NAMESPACE, "key": "usage_total_tokens"}},
    }
    selectors = [{"headers": [{"name": "x-tenant-id", "type": "Distinct"}]}]
    limit = {"requests": 10**12, "unit": "Year"}
    return [
        route(
            "models",
            rule(ref(to=NOVA), model="nova"),
            rule(ref(to="simulator.throttling"), ref(to=NOVA, priority=1), model="failover"),
        ),
        *backend("bedrock", port),
        rate_limit(
            "models",
            {"clientSelectors": selectors, "limit": limit, "cost": cost},
            {"clientSelectors": selectors, "limit": limit},
        ),
    ]


def used_by_clients(gateway: Gateway, clients: int, requests: int) -> tuple[int, int]:
    """Let clients send requests, every other one streamed, and return their sums of requests and tokens."""

    def run(client: int) -> int:
        with httpx.Client(base_url=gateway.url, timeout=60, headers={"x-tenant-id": str(client % 5)}) as session:
            return sum(_tokens(session, number) for number in range(requests))

    with ThreadPoolExecutor(clients) as pool:
        return clients * requests, sum(pool.map(run, range(clients)))


def _tokens(session: httpx.Client, number: int) -> int:
    stream = number % 2 == 1
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    body = question(MODELS[number // 2 % 2], "word " * (number % 7 + 1), **more)
    response = session.post(CHAT, json=body)
    assert response.status_code == 200, response.text
    usage = events(response.text)[-2]["usage"] if stream else response.json()["usage"]
    total: int = usage["total_tokens"]
    return total


def counted(place: str) -> int:
    """Return the sum of all counters of a ledger."""
    if place.startswith("unix://"):
        with redis.from_url(place) as client:
            return sum(int(client.get(key) or 0) for key in client.scan_iter())
    with closing(sqlite3.connect(Path(place))) as file:
        total: int = file.execute("SELECT coalesce(sum(used), 0) FROM counters").fetchone()[0]
        return total
