"""Requests that the gateway sends itself, when a client's request becomes a batch.

They use the addresses, the host and the TLS policy of the upstream's cluster in Envoy.
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
from aigw_extproc.exchange.messages import UpstreamCall
from aigw_extproc.translate.contract import UpstreamResponse

CONCURRENCY = 8
"""Concurrent requests of a batch. On-demand quotas are small, and shared with other clients."""
MAX_SECONDS = 110.0
"""For all requests of a batch together."""
CONNECT_SECONDS = 10.0
"""As Envoy's connect timeout."""
RETRIES = 2
"""Of connection attempts only, as in Envoy; requests are not repeated."""
IDLE_SECONDS = 50.0
"""How long an idle connection is kept: load balancers commonly close them after 60 s."""
MAX_CONNECTIONS = 256
"""To all upstreams with the same TLS policy."""


class _Failed(Exception):
    """A request was answered with a status other than 200."""

    def __init__(self, response: UpstreamResponse) -> None:
        super().__init__(response.status)
        self.response = response


class UpstreamClient:
    """A client of upstreams, with connections that are kept between batches."""

    def __init__(self) -> None:
        self._pools: dict[Tls | None, httpcore.AsyncConnectionPool] = {}

    async def call(self, upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
        """Return the answers in the order of the calls, or only the first with a status other than 200.

        After such an answer the other requests are cancelled.

        Raises:
            UpstreamUnreachable: a connection failed or broke.
            UpstreamTimeout: the batch took longer than `MAX_SECONDS`.
        """
        try:
            async with asyncio.timeout(MAX_SECONDS):
                return await self._all(upstream, calls)
        except _Failed as failed:
            return (failed.response,)
        except TimeoutError:
            raise UpstreamTimeout from None

    async def _all(self, upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
        pool, slots = self._pool(upstream.tls), asyncio.Semaphore(CONCURRENCY)

        async def post(call: UpstreamCall, address: Address) -> UpstreamResponse:
            async with slots:
                return await _post(pool, upstream.tls, address, call)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(post(call, address))
                    for call, address in zip(calls, cycle(upstream.addresses), strict=False)
                ]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return tuple(task.result() for task in tasks)

    def _pool(self, tls: Tls | None) -> httpcore.AsyncConnectionPool:
        # A pool reuses connections by address only, so each TLS policy needs its own pool.
        if tls not in self._pools:
            self._pools[tls] = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(cadata=tls.ca_pem) if tls else None,
                max_connections=MAX_CONNECTIONS,
                keepalive_expiry=IDLE_SECONDS,
                retries=RETRIES,
            )
        return self._pools[tls]

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()


async def _post(
    pool: httpcore.AsyncConnectionPool, tls: Tls | None, address: Address, call: UpstreamCall
) -> UpstreamResponse:
    scheme = "https" if tls else "http"
    url = httpcore.URL(scheme=scheme, host=address.host, port=address.port, target=call.path)
    # The certificate is checked against this name, not the address.
    extensions = {"timeout": {"connect": CONNECT_SECONDS}, **({"sni_hostname": tls.server_name} if tls else {})}
    try:
        answer = await pool.request("POST", url, headers=list(call.headers), content=call.body, extensions=extensions)
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, ssl.SSLError, OSError):
        raise UpstreamUnreachable from None
    headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in answer.headers}
    response = UpstreamResponse(status=answer.status, headers=headers, body=answer.content)
    if response.status != 200:
        raise _Failed(response)
    return response


@cache
def client() -> UpstreamClient:
    """Return the process's client, created at the first call."""
    return UpstreamClient()
