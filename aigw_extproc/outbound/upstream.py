"""Requests that the gateway makes itself, where one of a client's becomes several: as Envoy would make them.

They go where Envoy's cluster goes: to the same addresses, with the same host and the same demands on the certificate.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from functools import cache
from itertools import cycle

import httpcore

from aigw_extproc.config.snapshot import Address, Tls, Upstream
from aigw_extproc.errors import UpstreamTimeout, UpstreamUnreachable
from aigw_extproc.exchange import UpstreamCall
from aigw_extproc.translate.contract import UpstreamResponse

CONCURRENCY = 8
"""Requests at a time for one of a client's: on-demand quotas are small, and other clients want a share of them."""
MAX_SECONDS = 110.0
"""For all requests of one client's together."""
CONNECT_SECONDS = 10.0
"""Envoy's for the same upstreams."""
RETRIES = 2
"""Of connecting, as Envoy does; a request that was sent is not sent again."""
IDLE_SECONDS = 50.0
"""How long an unused connection is kept: load balancers commonly close them after 60."""
MAX_CONNECTIONS = 256
"""To all upstreams that share their demands on TLS."""


class _Failed(Exception):
    """One of the requests was answered with something other than 200."""

    def __init__(self, response: UpstreamResponse) -> None:
        super().__init__(response.status)
        self.response = response


class UpstreamClient:
    """Makes requests to upstreams, over connections that outlive a batch."""

    def __init__(self) -> None:
        self._pools: dict[Tls | None, httpcore.AsyncConnectionPool] = {}

    async def call(self, upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
        """The answers in the order of the requests; or the first that was no 200, alone: then the others are given up.

        Raises:
            UpstreamUnreachable: a connection could not be had, or broke.
            UpstreamTimeout: it took longer than `MAX_SECONDS`.
        """
        try:
            async with asyncio.timeout(MAX_SECONDS):
                return await self._all(upstream, calls)
        except _Failed as failed:
            return (failed.response,)
        except TimeoutError:
            raise UpstreamTimeout from None

    async def _all(self, upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
        pool, places = self._pool(upstream.tls), asyncio.Semaphore(CONCURRENCY)

        async def make(one: UpstreamCall, address: Address) -> UpstreamResponse:
            async with places:
                return await _post(pool, upstream.tls, address, one)

        try:
            async with asyncio.TaskGroup() as tasks:
                made = [
                    tasks.create_task(make(one, address))
                    for one, address in zip(calls, cycle(upstream.addresses), strict=False)
                ]
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return tuple(task.result() for task in made)

    def _pool(self, tls: Tls | None) -> httpcore.AsyncConnectionPool:
        # A connection is known by its address alone, so those that trust differently must not share a pool.
        if tls not in self._pools:
            self._pools[tls] = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(cadata=tls.ca_pem) if tls else None,
                max_connections=MAX_CONNECTIONS,
                keepalive_expiry=IDLE_SECONDS,
                retries=RETRIES,
            )
        return self._pools[tls]

    async def close(self) -> None:
        """Closes all connections."""
        for pool in self._pools.values():
            await pool.aclose()


async def _post(
    pool: httpcore.AsyncConnectionPool, tls: Tls | None, address: Address, one: UpstreamCall
) -> UpstreamResponse:
    scheme = "https" if tls else "http"
    url = httpcore.URL(scheme=scheme, host=address.host, port=address.port, target=one.path)
    # The name that the certificate has to carry, whatever the address.
    extensions = {"timeout": {"connect": CONNECT_SECONDS}, **({"sni_hostname": tls.server_name} if tls else {})}
    try:
        answer = await pool.request("POST", url, headers=list(one.headers), content=one.body, extensions=extensions)
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, ssl.SSLError, OSError):
        raise UpstreamUnreachable from None
    headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in answer.headers}
    response = UpstreamResponse(status=answer.status, headers=headers, body=answer.content)
    if response.status != 200:
        raise _Failed(response)
    return response


@cache
def client() -> UpstreamClient:
    """The process's own: made when it is needed first."""
    return UpstreamClient()
