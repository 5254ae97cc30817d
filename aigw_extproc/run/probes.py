"""Asking children how they are: whether somebody listens, and Envoy's admin interface."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

from aigw_extproc.envoy.options import ListenAddress

_ACTIVE = "http.aigw.downstream_rq_active"
_POLL_SECONDS = 0.05


async def all_accept(endpoints: Sequence[ListenAddress]) -> bool:
    """Whether connections to all of the endpoints are accepted."""
    for endpoint in endpoints:
        try:
            _, writer = await _connect(endpoint)
        except OSError:
            return False
        writer.close()
    return True


async def envoy_ready(admin: Path) -> bool:
    """Whether Envoy, whose admin interface is at this socket, serves requests."""
    try:
        return (await _ask(admin, "GET", "/ready")).startswith("HTTP/1.1 200 ")
    except OSError:
        return False


async def drain_envoy(admin: Path) -> None:
    """Has Envoy accept no more connections, and returns when no request is under way any more.

    Raises:
        OSError: Envoy does not answer.
    """
    await _ask(admin, "POST", "/drain_listeners")
    while await _active_requests(admin):  # noqa: ASYNC110 - another process sets no event of ours
        await asyncio.sleep(_POLL_SECONDS)


async def _active_requests(admin: Path) -> int:
    found = re.search(rf"^{_ACTIVE}: (\d+)", await _ask(admin, "GET", f"/stats?filter={_ACTIVE}"), re.MULTILINE)
    return int(found[1]) if found else 0


async def _connect(endpoint: ListenAddress) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(endpoint, Path):
        return await asyncio.open_unix_connection(endpoint)
    return await asyncio.open_connection(endpoint.host, endpoint.port)


async def _ask(admin: Path, method: str, target: str) -> str:
    """The whole answer of the admin interface, head and body; small enough to need no HTTP client."""
    reader, writer = await _connect(admin)
    with contextlib.closing(writer):
        writer.write(f"{method} {target} HTTP/1.1\r\nhost: envoy\r\nconnection: close\r\n\r\n".encode())
        return (await reader.read()).decode()
