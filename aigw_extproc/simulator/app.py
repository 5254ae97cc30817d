"""The simulator as an ASGI application: Bedrock's paths, and its own in `/simulator/`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, assert_never

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from aigw_extproc.simulator import faults
from aigw_extproc.simulator.http_messages import AwaitAcknowledgement, HttpRequest, HttpResponse, Pause, Reset
from aigw_extproc.simulator.journal import Journal, JournalEntry
from aigw_extproc.simulator.model_lists import LISTS
from aigw_extproc.simulator.operations import respond
from aigw_extproc.simulator.prompt_cache import PromptCache
from aigw_extproc.simulator.script import FailedTurns
from aigw_extproc.simulator.settings import Settings

RESET = "simulator.reset"
"""Key of the ASGI scope for a function that aborts the connection: see `server`."""


def create_app(settings: Settings) -> Starlette:
    """Return the application of one simulated account.

    * `POST /model/{id}/…`: the operations of bedrock-runtime
    * `GET /foundation-models`, `GET /inference-profiles`: the lists of the control plane, which gateways fetch by
      themselves, so that the journal has none of these requests
    * `GET /simulator/health`: 200 when it serves
    * `GET /simulator/faults`: the available faults
    * `GET /simulator/requests`: the last requests, oldest first
    * `POST /simulator/requests/{id}/acknowledge`: lets the response to that request, held by
      the fault `hold`, send its next frame
    """
    endpoints = SimulatorEndpoints(Journal())

    async def model_list(request: Request) -> Response:
        answer = respond(await _http_request(request), settings)
        return Response(answer.body, answer.status, dict(answer.headers))

    return Starlette(
        routes=[
            Route("/simulator/health", endpoints.health),
            Route("/simulator/faults", endpoints.faults),
            Route("/simulator/requests", endpoints.requests),
            Route("/simulator/requests/{id}/acknowledge", endpoints.acknowledge, methods=["POST"]),
            *(Route(path, model_list) for path in LISTS),
            Mount("/", app=Bedrock(settings, endpoints.journal)),
        ]
    )


class SimulatorEndpoints:
    """Endpoints that the real service does not have."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    async def health(self, _request: Request) -> Response:
        """Report that the simulator serves."""
        return JSONResponse({"status": "ok"})

    async def faults(self, _request: Request) -> Response:
        """List the faults."""
        return JSONResponse(list(faults.list_faults()))

    async def requests(self, _request: Request) -> Response:
        """List the last requests."""
        return JSONResponse([entry.report() for entry in self.journal])

    async def acknowledge(self, request: Request) -> Response:
        """Let one more frame be sent; 404 for an unknown request."""
        entry = self.journal.find(request.path_params["id"])
        if entry is None:
            return JSONResponse({"message": "no such request"}, status_code=404)
        entry.acknowledgements.release()
        return Response(status_code=204)


class Bedrock:
    """The operations of bedrock-runtime."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self._cache = PromptCache()
        self._failed_turns = FailedTurns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        try:
            request = await _http_request(Request(scope, receive))
        except ClientDisconnect:
            return
        with self._journal.record(request) as entry:
            response = respond(request, self._settings, self._cache, self._failed_turns)
            entry.status = response.status
            entry.error_type = dict(response.headers).get("x-amzn-errortype")
            reset = scope.get(RESET, _cannot_reset)
            await Delivery(response=response, entry=entry, receive=receive, send=send, reset=reset).run()


def _cannot_reset() -> None:
    raise NotImplementedError("resets need the simulator's own server")


async def _http_request(request: Request) -> HttpRequest:
    return HttpRequest(
        method=request.method,
        raw_path=request.scope["raw_path"].decode("ascii"),
        query=request.scope["query_string"].decode("ascii"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw),
        body=await request.body(),
    )


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
