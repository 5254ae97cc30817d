"""The playground's chats: sent to the gateway's own door with the visitor's own key, and streamed back."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

import httpcore
from starlette.responses import Response, StreamingResponse

KEY_HEADER: Final = "x-playground-key"
"""The visitor's key for the gateway, in a request of the page's script."""
_PATH: Final = "/v1/chat/completions"
_CONNECT_SECONDS: Final = 5.0
_SILENT_SECONDS: Final = 300.0
_MAX_CONNECTIONS: Final = 10
_PASSED_ON: Final = frozenset({b"content-type", b"x-request-id", b"x-aigw-dropped-params", b"x-aigw-backend"})


class Door:
    """Where clients connect. It has no credentials: a chat is served as any client's is."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + _PATH
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def send(self, body: bytes, key: str) -> Response:
        """Send a chat, and return the gateway's answer as it comes; 502 if the gateway cannot be reached."""
        headers = [("content-type", "application/json"), *([("authorization", f"Bearer {key}")] if key else [])]
        stack = AsyncExitStack()
        try:
            response = await stack.enter_async_context(
                self._connections().stream(
                    "POST",
                    self._url,
                    headers=headers,
                    content=body,
                    extensions={"timeout": {"connect": _CONNECT_SECONDS, "read": _SILENT_SECONDS, "pool": 1.0}},
                )
            )
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            await stack.aclose()
            return Response(f"{self._url} does not answer: {type(error).__name__}", 502, media_type="text/plain")
        passed = {name.decode(): value.decode("latin-1") for name, value in response.headers if _is_passed_on(name)}
        return StreamingResponse(_relay(response, stack), response.status, passed)

    def _connections(self) -> httpcore.AsyncConnectionPool:
        if self._pool is None:  # at the first chat: the system's certificates take 20 ms to load
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(), max_connections=_MAX_CONNECTIONS
            )
        return self._pool


def _is_passed_on(name: bytes) -> bool:
    return name.lower() in _PASSED_ON


async def _relay(response: httpcore.Response, stack: AsyncExitStack) -> AsyncIterator[bytes]:
    """Yield the pieces of an answer; at the end, or when the browser has gone, the connection is given back."""
    async with stack:
        async for piece in response.aiter_stream():
            yield piece
