"""The operator's port: is it alive, is it ready, what has it counted.

Nothing here shows a credential, a header or a body.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


def create_app(*, ready: Callable[[], bool], details: Callable[[], Mapping[str, object]]) -> Starlette:
    """GET /healthz, /readyz and /metrics. /readyz answers 503 until `ready()`, and tells the `details()` either way."""

    async def readyz(_request: Request) -> Response:
        is_ready = ready()
        body = msgspec.json.encode({"ready": is_ready, **details()})
        return Response(body, status_code=200 if is_ready else 503, media_type="application/json")

    return Starlette(
        routes=[
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            Route("/metrics", _metrics, methods=["GET"]),
        ]
    )


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _metrics(_request: Request) -> Response:
    return Response(generate_latest(_registry()), media_type=CONTENT_TYPE_LATEST)


def _registry() -> CollectorRegistry:
    """All workers' counts added up, when there are several; this process's otherwise."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library's own constructor is not annotated
    return registry
