"""Sending of a response, step by step, until it is complete or the client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, assert_never

from starlette.types import Receive, Send

from aigw_extproc.simulator.http_messages import AwaitAcknowledgement, HttpResponse, Pause, Reset
from aigw_extproc.simulator.journal import JournalEntry

RESET = "simulator.reset"
"""Key of the ASGI scope for a function that aborts the connection: see `server`."""


@dataclass(slots=True, kw_only=True)
class Delivery:
    """A response that is being sent."""

    response: HttpResponse
    entry: JournalEntry
    receive: Receive
    send: Send
    reset: Callable[[], None]
    started: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Return when everything has been sent or the connection is closed."""
        async with asyncio.TaskGroup() as group:
            disconnect = group.create_task(self._until_disconnect())
            sending = group.create_task(self._send_steps())
            await asyncio.wait((disconnect, sending), return_when=asyncio.FIRST_COMPLETED)
            self.entry.client_disconnected = not self.entry.finished
            disconnect.cancel()
            sending.cancel()

    async def _until_disconnect(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def _send_steps(self) -> None:
        for step in self.response.steps:
            match step:
                case bytes():
                    await self._send_body(step, more=True)
                case Pause(seconds=seconds):
                    await asyncio.sleep(seconds)
                case AwaitAcknowledgement():
                    await self.entry.acknowledgements.acquire()
                case Reset():
                    return await self._reset()
                case _:
                    assert_never(step)
        self.entry.finished = True
        return await self._send_body(b"", more=False)

    async def _reset(self) -> None:
        self.entry.finished = True
        self.reset()
        await asyncio.Event().wait()  # until the server reports the disconnect that this has caused

    async def _send_body(self, data: bytes, *, more: bool) -> None:
        if not self.started:
            self.started = True
            await self.send(self._start())
        await self.send({"type": "http.response.body", "body": data, "more_body": more})

    def _start(self) -> dict[str, Any]:
        headers = (*self.response.headers, ("x-amzn-requestid", self.entry.id))
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        return {"type": "http.response.start", "status": self.response.status, "headers": encoded}
