"""The simulator as an ASGI application: Bedrock's paths, and its own under `/simulator/`."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from aigw_extproc.simulator import faults
from aigw_extproc.simulator.delivery import RESET, Delivery
from aigw_extproc.simulator.journal import Journal
from aigw_extproc.simulator.operations import respond
from aigw_extproc.simulator.prompt_cache import PromptCache
from aigw_extproc.simulator.received import Received
from aigw_extproc.simulator.settings import Settings


def create_app(settings: Settings) -> Starlette:
    """The application for one simulated account.

    * `POST /model/{id}/…`: the operations of bedrock-runtime
    * `GET /simulator/health`: 200 when it serves
    * `GET /simulator/faults`: the faults that can be asked for
    * `GET /simulator/requests`: the last requests, oldest first
    * `POST /simulator/requests/{id}/acknowledge`: lets the answer to that request, under the fault `hold`, send
      its next frame
    """
    own = OwnEndpoints(Journal())
    return Starlette(
        routes=[
            Route("/simulator/health", own.health),
            Route("/simulator/faults", own.faults),
            Route("/simulator/requests", own.requests),
            Route("/simulator/requests/{id}/acknowledge", own.acknowledge, methods=["POST"]),
            Mount("/", app=Bedrock(settings, own.journal)),
        ]
    )


class OwnEndpoints:
    """What the real service does not have."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    async def health(self, _request: Request) -> Response:
        """Says that the simulator serves."""
        return JSONResponse({"status": "ok"})

    async def faults(self, _request: Request) -> Response:
        """Lists the faults."""
        return JSONResponse(list(faults.listed()))

    async def requests(self, _request: Request) -> Response:
        """Lists the last requests."""
        return JSONResponse([exchange.report() for exchange in self.journal])

    async def acknowledge(self, request: Request) -> Response:
        """Lets one more frame go; 404 for an unknown request."""
        exchange = self.journal.find(request.path_params["id"])
        if exchange is None:
            return JSONResponse({"message": "no such request"}, status_code=404)
        exchange.acknowledgements.release()
        return Response(status_code=204)


class Bedrock:
    """Every other path."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self._cache = PromptCache()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        try:
            received = await _received(Request(scope, receive))
        except ClientDisconnect:
            return
        with self._journal.exchange(received) as exchange:
            answer = respond(received, self._settings, self._cache)
            exchange.status = answer.status
            exchange.error_type = next((v for k, v in answer.headers if k == "x-amzn-errortype"), None)
            reset = scope.get(RESET, _cannot_reset)
            await Delivery(answer=answer, exchange=exchange, receive=receive, send=send, reset=reset).run()


def _cannot_reset() -> None:
    raise NotImplementedError("the simulator's resets need its own server")


async def _received(request: Request) -> Received:
    return Received(
        method=request.method,
        raw_path=request.scope["raw_path"].decode("ascii"),
        query=request.scope["query_string"].decode("ascii"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw),
        body=await request.body(),
    )
