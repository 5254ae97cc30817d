"""What is asked of stacks."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.load import Request
from benchmarks.stacks import Stack
from benchmarks.traffic import CHAT_PATH, MODEL, chat_request, converse_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is asked, by how many at a time, how often."""

    name: str
    part: str = "gateway"
    """Of the benchmark."""
    x: float = 0
    """What varies within the part: bytes, routes, workers."""
    stream: bool = False
    connections: int
    requests: int
    rate: float = 0
    """Requests a second; 0 for as many as go."""
    model: str = MODEL
    size: int = 0
    """Bytes of the request, if more than the question has by itself."""

    def request(self, stack: Stack) -> Request:
        """The same question in the words that the stack takes."""
        if stack.translates:
            expected = b"data: [DONE]\n\n" if self.stream else b'"object":"chat.completion"'
            body = chat_request(stream=self.stream, model=self.model, size=self.size)
            return Request(path=CHAT_PATH, body=body, expected=expected)
        upstream = converse_request(stream=self.stream, size=self.size)
        return Request(path=upstream.path, body=upstream.body, expected=b"end_turn")


def _of_size(size: int) -> Scenario:
    # One at a time, and some 100 MB in all: every body is buffered twice, by Envoy and by the processor.
    requests = min(400, max(8, 100_000_000 // size))
    return Scenario(
        name=f"chat of {size / 1000:,.0f} kB", part="sizes", x=size, connections=1, requests=requests, size=size
    )


def with_routes(routes: int) -> Scenario:
    """A question for the last one of so many routes."""
    name, model = f"chat, {routes:,} routes", f"model-{routes - 1}"
    return Scenario(name=name, part="routes", x=routes, connections=16, requests=1500, model=model)


def with_workers(workers: int) -> Scenario:
    """The same load for each worker, however many there are, and no more than two cores bear with Envoy beside them:
    a worker that waits for work takes it in smaller batches than one that never catches up, at a higher price."""
    return Scenario(
        name=f"chat, workers: {workers}",
        part="workers",
        x=workers,
        connections=16 * workers,
        requests=3000 * workers,
        rate=800.0 * workers,
    )


CHAT = Scenario(name="chat, 16 connections", connections=16, requests=4000)
CHAT_LATENCY = Scenario(name="chat, 1 connection", connections=1, requests=400)
STREAM = Scenario(name="stream, 16 connections", stream=True, connections=16, requests=640)
SCENARIOS = (CHAT, CHAT_LATENCY, STREAM)
SIZES = tuple(map(_of_size, (1_000, 10_000, 100_000, 1_000_000, 5_000_000, 25_000_000)))
PEERS = (
    Scenario(name="peer: chat, 16 connections", part="peer", connections=16, requests=600),
    # So many that the upstream's pace, which is three streams a second for each of them, limits nobody.
    Scenario(name="peer: stream, 128 connections", part="peer", stream=True, connections=128, requests=512),
)
