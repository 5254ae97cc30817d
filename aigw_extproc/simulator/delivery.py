"""Sends an answer, step by step, and notices a client that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Send

from aigw_extproc.simulator.answers import Answer, AwaitAcknowledgement, Pause, Reset
from aigw_extproc.simulator.answers import Send as SendStep
from aigw_extproc.simulator.journal import Exchange

RESET = "simulator.reset"
"""Where the ASGI scope holds a function that aborts the connection: see `server`."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One answer on its way to the client."""

    answer: Answer
    exchange: Exchange
    receive: Receive
    send: Send
    reset: Callable[[], None]
    started: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Returns when everything has been sent, or the connection is gone."""
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._disconnected())
            playing = group.create_task(self._play())
            await asyncio.wait((watching, playing), return_when=asyncio.FIRST_COMPLETED)
            self.exchange.client_disconnected = not self.exchange.finished
            watching.cancel()
            playing.cancel()

    async def _disconnected(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def _play(self) -> None:
        for step in self.answer.steps:
            match step:
                case SendStep(data=data):
                    await self._body(data, more=True)
                case Pause(seconds=seconds):
                    await asyncio.sleep(seconds)
                case AwaitAcknowledgement():
                    await self.exchange.acknowledgements.acquire()
                case Reset():
                    return await self._reset()
        self.exchange.finished = True
        return await self._body(b"", more=False)

    async def _reset(self) -> None:
        self.exchange.finished = True
        self.reset()
        await asyncio.Event().wait()  # until the server reports the disconnect that this has caused

    async def _body(self, data: bytes, *, more: bool) -> None:
        if not self.started:
            self.started = True
            await self.send(self._start())
        await self.send({"type": "http.response.body", "body": data, "more_body": more})

    def _start(self) -> dict[str, Any]:
        headers = (*self.answer.headers, ("x-amzn-requestid", self.exchange.id))
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        return {"type": "http.response.start", "status": self.answer.status, "headers": encoded}
