"""Fetches images that requests name by URL, from public addresses only.

A client must not use the gateway to read what only the gateway can reach (metadata services, the cluster's network).
For each request, redirects included, a name is resolved once, and the connection goes to the address that was checked:
a name that resolves differently later (DNS rebinding) gains nothing.
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import SOCK_STREAM
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore

from aigw_extproc.translate.contract import Fetched, FetchFailed, Media

MAX_BYTES = 3_750_000
"""Converse's limit for one image: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html"""
MAX_REDIRECTS = 3
TIMEOUT_SECONDS = 5.0
"""For one URL, redirects included."""
MAX_URLS = 20
"""Converse's limit for one message; with more, none are fetched."""

IpAddress = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[IpAddress]]]

# IPv6 addresses that embed an IPv4 address which `is_global` ignores.
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = [("accept", "image/png, image/jpeg, image/gif, image/webp"), ("accept-encoding", "identity")]


class _Refused(Exception):
    """An image cannot be fetched; the text is a phrase to follow the URL."""


def is_public(address: IpAddress) -> bool:
    """Return whether the address is reachable from the internet."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour or address.teredo or any(address in network for network in _TRANSLATED):
            return False
    return address.is_global and not address.is_multicast


async def resolve(host: str, port: int) -> list[IpAddress]:
    """Return the addresses of a name or an address, in the system's order."""
    addresses = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    return [ip_address(sockaddr[0]) for *_, sockaddr in addresses]


class MediaFetcher:
    """A client that fetches images. Tests replace `resolve` and `is_allowed`."""

    def __init__(self, *, resolve: Resolve = resolve, is_allowed: Callable[[IpAddress], bool] = is_public) -> None:
        self._network = _CheckedNetwork(resolve, is_allowed)
        self._ssl = ssl.create_default_context()

    async def fetch(self, urls: Iterable[str]) -> Mapping[str, Fetched]:
        """Return the image of each URL, or why it cannot be fetched. Fetches concurrently, and never raises."""
        wanted = list(urls)
        if len(wanted) > MAX_URLS:
            return dict.fromkeys(
                wanted, FetchFailed(reason=f"is one of {len(wanted)} images; at most {MAX_URLS} are fetched")
            )
        async with httpcore.AsyncConnectionPool(network_backend=self._network, ssl_context=self._ssl) as pool:
            images = await asyncio.gather(*(_fetch(pool, url) for url in wanted))
        return dict(zip(wanted, images, strict=True))


@cache
def fetcher() -> MediaFetcher:
    """Return the process's fetcher, created at the first call."""
    return MediaFetcher()


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """A network backend that connects to allowed addresses only."""

    def __init__(self, resolve: Resolve, is_allowed: Callable[[IpAddress], bool]) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._resolve(host, port)
        except OSError:
            raise _Refused("names a host that does not exist") from None
        if not addresses or not all(map(self._is_allowed, addresses)):
            raise _Refused("is not at a public address")
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore.ConnectError):
                return await self._backend.connect_tcp(str(address), port, *args, **kwargs)
        return await self._backend.connect_tcp(str(addresses[-1]), port, *args, **kwargs)


async def _fetch(pool: httpcore.AsyncConnectionPool, url: str) -> Fetched:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await _follow(pool, url)
    except _Refused as refused:
        return FetchFailed(reason=str(refused))
    except TimeoutError:
        return FetchFailed(reason=f"could not be fetched within {TIMEOUT_SECONDS:.0f} seconds")
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError, ssl.SSLError):
        return FetchFailed(reason="could not be fetched: the connection failed")


async def _follow(pool: httpcore.AsyncConnectionPool, url: str) -> Media:
    for _ in range(MAX_REDIRECTS + 1):
        _check(url)
        async with pool.stream("GET", url, headers=_HEADERS) as response:
            headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status not in _REDIRECTS:
                return await _read(response, headers)
            url = urljoin(url, headers.get(b"location", ""))
    raise _Refused(f"redirects more than {MAX_REDIRECTS} times")


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise _Refused("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_valid or not url.isascii():
        raise _Refused("is not a URL of http or https")
    if parts.username is not None or parts.password is not None:
        raise _Refused("must not hold a user name or password")


async def _read(response: httpcore.Response, headers: Mapping[bytes, str]) -> Media:
    if response.status != 200:
        raise _Refused(f"cannot be fetched: its server answered {response.status}")
    media_type = headers.get(b"content-type", "").partition(";")[0].strip().lower()
    if not media_type.startswith("image/"):
        raise _Refused(f"is not an image: its server sent {media_type or 'no content-type'}")
    data = bytearray()
    async for chunk in response.aiter_stream():
        data += chunk
        if len(data) > MAX_BYTES:
            raise _Refused(f"is larger than {MAX_BYTES / 1e6:g} MB")
    return Media(media_type=media_type, base64=b64encode(data).decode())
