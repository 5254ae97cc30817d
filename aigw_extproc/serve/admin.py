"""The operator's port: liveness, readiness, metrics, the description of the API, and the page where it may be.

It shows no credentials, and none of the headers and bodies of clients.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, partial

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from aigw_extproc import __version__, asgi
from aigw_extproc.config.snapshot import Address
from aigw_extproc.serve.live import Live
from aigw_extproc.serve.options import ServeOptions
from aigw_extproc.serve.probes import envoy_ready
from aigw_extproc.serve.shared_folder import current_folder

log = logging.getLogger(__name__)


def bind(address: Address) -> socket.socket:
    """Return a listening socket, and log its address: port 0 takes a free one.

    Raises:
        OSError: the address cannot be listened on.
    """
    listener = asgi.bind(address.host, address.port)
    log.info("operator's port: http://%s:%d", *listener.getsockname()[:2])
    return listener


async def serve_admin(listener: socket.socket, live: Live, options: ServeOptions) -> None:
    """Serve until cancelled. It is ready while streams are served, even if the last change of the files was invalid.

    With the socket of Envoy's admin interface in the options, Envoy must be ready too.
    """
    envoy_admin = options.envoy_admin

    async def ready() -> bool:
        return live.ready and (envoy_admin is None or await envoy_ready(envoy_admin))

    app = create_app(ready=ready, details=live.details, page=page_routes(live, options))
    await asgi.EmbeddedServer(app).serve_until_cancelled(listener)


def page_routes(live: Live, options: ServeOptions) -> Sequence[Route]:
    """Return the routes of the page; none where it may not be."""
    if not options.shows_page:
        return ()
    # Imported here: ports without the page need none of it.
    from aigw_extproc.page.access import LOCAL, Access, read_token
    from aigw_extproc.page.app import Page
    from aigw_extproc.serve.page_source import LiveSource

    token = partial(read_token, options.page_token) if options.page_token is not None else None
    own = {options.admin.host.lower()} if options.admin is not None else set()
    return Page(LiveSource(live, options), Access(token=token, hosts=LOCAL | own)).routes()


def create_app(
    *,
    ready: Callable[[], Awaitable[bool]],
    details: Callable[[], Mapping[str, object]],
    page: Sequence[Route] = (),
) -> Starlette:
    """Return the application of GET /healthz, /readyz, /metrics and /openapi.json, and of the page with these routes.

    /readyz answers 503 until `ready()`, and 200 from then on; its body has the `details()` in both cases.
    """

    async def readyz(_request: Request) -> Response:
        is_ready = await ready()
        body = msgspec.json.encode({"ready": is_ready, **details()})
        return Response(body, status_code=200 if is_ready else 503, media_type="application/json")

    return Starlette(
        routes=[
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            Route("/metrics", _Metrics().answer, methods=["GET"]),
            Route("/openapi.json", _openapi, methods=["GET"]),
            *page,
        ]
    )


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _openapi(_request: Request) -> Response:
    return Response(_described(), media_type="application/json")


@cache
def _described() -> bytes:
    from aigw_extproc.openapi.description import describe  # the types of all requests, for the few who ask

    return msgspec.json.encode(describe(__version__))


class _Metrics:
    """Renders the metrics in a thread, for all who ask at the same time at once."""

    def __init__(self) -> None:
        self._rendering: asyncio.Future[bytes] | None = None

    async def answer(self, _request: Request) -> Response:
        if self._rendering is None or self._rendering.done():
            self._rendering = asyncio.get_running_loop().run_in_executor(None, _render)
        return Response(await asyncio.shield(self._rendering), media_type=CONTENT_TYPE_LATEST)


def _render() -> bytes:
    return generate_latest(_registry())


def _registry() -> CollectorRegistry:
    """Return a registry with the sums of all workers; without workers, that of this process."""
    if current_folder() is None:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library's own constructor is not annotated
    return registry
