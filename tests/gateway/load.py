"""Clients under load: what became of each of their requests, for tests that break something meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.gateway.running import CHAT, events, question

SERVED = "served"
REFUSED = "refused"
"""A status of 5xx, with an error in OpenAI's shape."""
BROKEN = "broken off"
"""A stream that the client cannot take for a whole one: its connection broke, or its last event is an error."""

HELLO = "Hello! You said: Hello!"
ERROR = {"message", "type", "param", "code"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One request: when, by the monotonic clock, and what became of it. What nobody should see is told in full."""

    began: float
    ended: float
    result: str


Ask = Callable[[httpx.AsyncClient], Awaitable[str]]
"""Sends a request. Returns what became of it."""


async def whole(client: httpx.AsyncClient) -> str:
    """A short answer in one piece."""
    response = await client.post(CHAT, json=question("simulator.slow-20"))
    if response.status_code != 200:
        return _refusal(response)
    said = response.json()["choices"][0]["message"]["content"]
    return SERVED if said == HELLO else f"said {said!r}"


def streamed(text: str = "Hello!", milliseconds: int = 20) -> Ask:
    """A stream that repeats `text`, with a pause before each chunk."""
    body = question(f"simulator.slow-{milliseconds}", text, stream=True)

    async def ask(client: httpx.AsyncClient) -> str:
        told = ""
        try:
            async with client.stream("POST", CHAT, json=body) as response:
                if response.status_code != 200:
                    await response.aread()
                    return _refusal(response)
                async for piece in response.aiter_text():
                    told += piece
        except (httpx.RemoteProtocolError, httpx.ReadError):
            return BROKEN
        return _told(events(told), f"Hello! You said: {text}")

    return ask


def _told(chunks: list[Any], expected: str) -> str:
    if chunks and "error" in chunks[-1]:
        return BROKEN if chunks[-1]["error"].keys() == ERROR else f"an error that is none: {chunks[-1]}"
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk != "[DONE]")
    whole = chunks[-1:] == ["[DONE]"] and said == expected
    return SERVED if whole else f"a stream ended as if it were whole: {chunks}"


def _refusal(response: httpx.Response) -> str:
    try:
        shape = response.json()["error"].keys()
    except (json.JSONDecodeError, KeyError, TypeError):
        shape = None
    clean = response.status_code >= 500 and shape == ERROR
    return REFUSED if clean else f"{response.status_code} {response.text!r}"


async def one(ask: Ask, client: httpx.AsyncClient) -> Outcome:
    began = time.monotonic()
    result = await ask(client)
    return Outcome(began=began, ended=time.monotonic(), result=result)


async def steady(asks: list[Ask], url: str, until: asyncio.Event) -> list[Outcome]:
    """Every one of `asks` again and again, side by side; the last ones begin before `until` is set."""

    async def again(ask: Ask, client: httpx.AsyncClient) -> list[Outcome]:
        outcomes = []
        while not until.is_set():
            outcomes.append(await one(ask, client))
        return outcomes

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
        lists = await asyncio.gather(*(again(ask, client) for ask in asks))
    return [outcome for outcomes in lists for outcome in outcomes]
