"""Hostile clients, and how others fare beside them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import median, quantiles

import httpx

from tests.gateway.running import CHAT, Gateway, question

OTHERS = 4
"""Clients beside an attack, each with one request after the other."""
PAUSE = 0.01
"""Seconds between two requests of one of them, so that the machine is not busy with them alone."""
SECONDS = 0.8
"""Of each half of a round: without the attack, and with it."""
ROUNDS = 3
ATTACK_PAUSE = 0.05
"""Seconds between two attacks of one attacker."""
ATTACKED = "attacked"
"""The model of hostile requests."""

Attack = Callable[[Gateway], object]
"""One hostile request, or a few."""


def request(**fields: object) -> bytes:
    return json.dumps(question(ATTACKED) | fields).encode()


@cache
def hostile_bodies() -> Mapping[str, bytes]:
    """Return bodies of up to 5 MB that are expensive to decode, match or translate."""
    turns = [{"role": role, "content": "a"} for role in ("user", "assistant")]
    images = [{"type": "image_url", "image_url": {"url": f"https://host-{n}.invalid/a.png"}} for n in range(20)]
    tools = [{"type": "function", "function": {"name": f"f {n}", "parameters": {}}} for n in range(2_000)]
    return {
        "a name of 360 kB": request(model="claude" * 60_000),
        "a name of 2 kB": request(model="claude" * 340),
        "100,001 members": request(**{f"f{n}": 1 for n in range(100_000)}),
        "5 MB of unknown fields": request(**{f"{n:050}": 1 for n in range(90_000)}),
        "one field of 90,000 members": request(metadata={f"{n:050}": 1 for n in range(90_000)}),
        "49,000 messages": request(messages=turns * 24_500),
        "10,000 messages": request(messages=turns * 5_000),
        "2,000 tools": request(tools=tools),
        "arrays in an array": request(x=[[]] * 249_000),
        "a million brackets": b"[" * 1_000_000,
        "deep objects": request(x=0)[:-2] + b'{"a":' * 200_000,
        "images by URL": request(messages=[{"role": "user", "content": images}]),
    }


def head(length: int, *, host: str = "a", method: str = "POST", path: str = CHAT) -> bytes:
    """Return the head of a request with a body of this length."""
    lines = (f"{method} {path} HTTP/1.1", f"host: {host}", "content-type: application/json")
    return "\r\n".join((*lines, f"content-length: {length}", "\r\n")).encode()


def connect(gateway: Gateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", gateway.envoy.port), timeout=30)


def send(gateway: Gateway, body: bytes, *, host: str = "a") -> int:
    """Send a request and return the status of the response; 0 if the connection breaks first."""
    with contextlib.suppress(OSError), connect(gateway) as connection:
        connection.sendall(head(len(body), host=host) + body)
        return int(connection.recv(12)[9:] or b"0")
    return 0


def sends(*bodies: bytes) -> Attack:
    """Return the attack that sends these bodies, in turn."""
    turns = itertools.cycle(bodies)
    return lambda gateway: send(gateway, next(turns))


@contextlib.contextmanager
def attacked(gateway: Gateway, attack: Attack, attackers: int = 1) -> Iterator[list[object]]:
    """Attack again and again during the block, from several threads. Yields what the attacks return."""
    over = threading.Event()
    results: list[object] = []

    def repeat() -> None:
        while not over.wait(ATTACK_PAUSE):
            results.append(attack(gateway))

    threads = [threading.Thread(target=repeat) for _ in range(attackers)]
    for thread in threads:
        thread.start()
    try:
        yield results
    finally:
        over.set()
        for thread in threads:
            thread.join()


@dataclass(frozen=True, kw_only=True)
class Served:
    """What others got: the seconds of each request, and the statuses other than 200; 0 for a broken connection."""

    seconds: list[float]
    failures: list[int]

    @property
    def p99(self) -> float:
        return quantiles(self.seconds, n=100)[-1]


async def others(gateway: Gateway, seconds: float = SECONDS) -> Served:
    """Send small requests for a while, as several clients."""
    served = Served(seconds=[], failures=[])
    until = time.monotonic() + seconds

    async def one(client: httpx.AsyncClient) -> None:
        while (begun := time.monotonic()) < until:
            try:
                status = (await client.post(CHAT, json=question(max_tokens=5))).status_code
            except httpx.TransportError:
                status = 0
            served.seconds.append(time.monotonic() - begun)
            if status != 200:
                served.failures.append(status)
            await asyncio.sleep(PAUSE)

    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        await asyncio.gather(*(one(client) for _ in range(OTHERS)))
    return served


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The p99 of others without and with an attack, in seconds."""

    calm: float
    """The median of the rounds."""
    attacked: float
    """Of the best round: an attack that works does so in each, and what else the machine does only adds to it."""
    failures: list[int]
    results: list[object]


async def compared(gateway: Gateway, attack: Attack) -> Comparison:
    """Measure others without and with an attack, in turn, so that what else the machine does affects both."""
    calm: list[float] = []
    hostile: list[float] = []
    failures: list[int] = []
    results: list[object] = []
    for _ in range(ROUNDS):
        before = await others(gateway)
        with attacked(gateway, attack) as got:
            during = await others(gateway)
        calm.append(before.p99)
        hostile.append(during.p99)
        failures += before.failures + during.failures
        results += got
    return Comparison(calm=median(calm), attacked=min(hostile), failures=failures, results=results)
