"""Probes of child processes: whether they accept connections, and requests to Envoy's admin interface."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.options import ListenAddress

_ACTIVE = "http.aigw.downstream_rq_active"
_POLL_SECONDS = 0.05
READY_SECONDS = 1.0
"""How long Envoy may take to say whether it is ready."""


async def all_accept(endpoints: Sequence[ListenAddress]) -> bool:
    """Return whether all of the endpoints accept connections."""
    for endpoint in endpoints:
        try:
            _, writer = await _connect(endpoint)
        except OSError:
            return False
        writer.close()
    return True


async def envoy_ready(admin: Path) -> bool:
    """Return whether the Envoy whose admin interface is at this socket serves requests."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            return (await _request(admin, "GET", "/ready")).startswith("HTTP/1.1 200 ")
    except OSError:  # TimeoutError is one
        return False


async def drain_envoy(admin: Path) -> None:
    """Stop Envoy from accepting connections, and wait until no request is under way.

    Raises:
        OSError: Envoy does not answer.
    """
    await _request(admin, "POST", "/drain_listeners")
    while await _active_requests(admin):  # noqa: ASYNC110 - another process sets no event of ours
        await asyncio.sleep(_POLL_SECONDS)


async def _active_requests(admin: Path) -> int:
    match = re.search(rf"^{_ACTIVE}: (\d+)", await _request(admin, "GET", f"/stats?filter={_ACTIVE}"), re.MULTILINE)
    return int(match[1]) if match else 0


async def _connect(endpoint: ListenAddress) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    match endpoint:
        case Path():
            return await asyncio.open_unix_connection(endpoint)
        case Address(host=host, port=port):
            return await asyncio.open_connection(host, port)
        case _:
            assert_never(endpoint)


async def _request(admin: Path, method: str, target: str) -> str:
    """Return the response of the admin interface, headers included. It is too small to need an HTTP client."""
    reader, writer = await _connect(admin)
    with contextlib.closing(writer):
        writer.write(f"{method} {target} HTTP/1.1\r\nhost: envoy\r\nconnection: close\r\n\r\n".encode())
        return (await reader.read()).decode()
