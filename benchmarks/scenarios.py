"""The requests that stacks are measured with."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.load import Request
from benchmarks.stacks import Stack
from benchmarks.traffic import CHAT_PATH, MODEL, chat_request, converse_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A request, with the number of connections and of requests."""

    name: str
    part: str = "gateway"
    """The part of the benchmark."""
    x: float = 0
    """The variable of the part: bytes, routes or workers."""
    stream: bool = False
    connections: int
    requests: int
    rate: float = 0
    """Requests a second; 0 for as many as possible."""
    model: str = MODEL
    size: int = 0
    """Minimal size of the request, in bytes."""

    def request(self, stack: Stack) -> Request:
        """Return the request in the API of the stack."""
        if stack.translates:
            expected = b"data: [DONE]\n\n" if self.stream else b'"object":"chat.completion"'
            body = chat_request(stream=self.stream, model=self.model, size=self.size)
            return Request(path=CHAT_PATH, body=body, expected=expected)
        upstream = converse_request(stream=self.stream, size=self.size)
        return Request(path=upstream.path, body=upstream.body, expected=b"end_turn")


def _of_size(size: int) -> Scenario:
    # One at a time, and some 100 MB in total: Envoy and the processor each buffer every body.
    requests = min(400, max(8, 100_000_000 // size))
    return Scenario(
        name=f"chat of {size / 1000:,.0f} kB", part="sizes", x=size, connections=1, requests=requests, size=size
    )


def with_routes(routes: int) -> Scenario:
    """Return a scenario whose requests match the last of `routes` routes."""
    name, model = f"chat, {routes:,} routes", f"model-{routes - 1}"
    return Scenario(name=name, part="routes", x=routes, connections=16, requests=1500, model=model)


def with_workers(workers: int) -> Scenario:
    """Return a scenario with the same load per worker, low enough for two cores with Envoy.

    An idle worker takes smaller batches than an overloaded one, which cost more.
    """
    return Scenario(
        name=f"chat, workers: {workers}",
        part="workers",
        x=workers,
        connections=16 * workers,
        requests=3000 * workers,
        rate=800.0 * workers,
    )


def with_attempts(attempts: bool) -> tuple[Scenario, Scenario]:
    """Return scenarios of a rule with a single attempt, or with failover, of which the first attempt answers."""
    name = "failover" if attempts else "one attempt"
    return (
        Scenario(name=f"chat, {name}", part="failover", x=int(attempts), connections=16, requests=3000),
        Scenario(name=f"stream, {name}", part="failover", x=int(attempts), stream=True, connections=16, requests=480),
    )


CHAT = Scenario(name="chat, 16 connections", connections=16, requests=4000)
CHAT_LATENCY = Scenario(name="chat, 1 connection", connections=1, requests=400)
STREAM = Scenario(name="stream, 16 connections", stream=True, connections=16, requests=640)
SCENARIOS = (CHAT, CHAT_LATENCY, STREAM)
SIZES = tuple(map(_of_size, (1_000, 10_000, 100_000, 1_000_000, 5_000_000, 25_000_000)))
PEERS = (
    Scenario(name="peer: chat, 16 connections", part="peer", connections=16, requests=600),
    # Enough connections not to be limited by the upstream, which serves three streams a second on each.
    Scenario(name="peer: stream, 128 connections", part="peer", stream=True, connections=128, requests=512),
)
