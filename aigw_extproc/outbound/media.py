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
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore

from aigw_extproc.errors import Overloaded
from aigw_extproc.outbound import addresses
from aigw_extproc.outbound.addresses import IpAddress
from aigw_extproc.translate.contract import Fetched, FetchFailed, Media

MAX_BYTES = 3_750_000
"""Converse's limit for one image: https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html"""
MAX_REDIRECTS = 3
TIMEOUT_SECONDS = 5.0
"""For one URL, redirects included."""
MAX_URLS = 20
"""Converse's limit for one message; with more, none are fetched."""
MAX_REQUEST_BYTES = 20_000_000
"""For all images of a request: with the third that base64 adds, about what Bedrock accepts as a body."""
MAX_FETCHES = 256
"""URLs that a worker fetches at the same time, for all clients."""
MAX_BYTES_IN_FLIGHT = 64_000_000
"""Of images that a worker is fetching, for all clients."""

Resolve = Callable[[str], Awaitable[list[IpAddress]]]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = [("accept", "image/png, image/jpeg, image/gif, image/webp"), ("accept-encoding", "identity")]


class _Refused(Exception):
    """An image cannot be fetched; the text is a phrase to follow the URL."""


class _Capacity:
    """What a worker has left for the requests under way."""

    def __init__(self) -> None:
        self.fetches = MAX_FETCHES
        self.bytes = MAX_BYTES_IN_FLIGHT

    @contextlib.contextmanager
    def take(self, fetches: int) -> Iterator[_Share]:
        """Take the capacity for a request's fetches during the block.

        Raises:
            Overloaded: there is not enough left.
        """
        if fetches > self.fetches:
            raise Overloaded("the gateway is fetching too many images at the moment; try again")
        self.fetches -= fetches
        share = _Share(self)
        try:
            yield share
        finally:
            self.fetches += fetches
            self.bytes += share.bytes


class _Share:
    """The bytes of a request's images."""

    def __init__(self, capacity: _Capacity) -> None:
        self._capacity = capacity
        self.bytes = 0

    def add(self, size: int) -> None:
        """Take the capacity for more bytes.

        Raises:
            _Refused: the request has too many.
            Overloaded: the worker has too many.
        """
        if self.bytes + size > MAX_REQUEST_BYTES:
            raise _Refused(f"is too large: all images of a request together may have {MAX_REQUEST_BYTES / 1e6:g} MB")
        if size > self._capacity.bytes:
            raise Overloaded("the gateway is fetching too many large images at the moment; try again")
        self._capacity.bytes -= size
        self.bytes += size


async def _resolve(host: str) -> list[IpAddress]:
    return await addresses.resolve(host, TIMEOUT_SECONDS)


class MediaFetcher:
    """A client that fetches images. Tests replace `resolve` and `is_allowed`."""

    def __init__(
        self, *, resolve: Resolve = _resolve, is_allowed: Callable[[IpAddress], bool] = addresses.is_public
    ) -> None:
        self._network = _CheckedNetwork(resolve, is_allowed)
        self._ssl = ssl.create_default_context()
        self._capacity = _Capacity()

    async def fetch(self, urls: Iterable[str], hosts: Collection[str] = ()) -> Mapping[str, Fetched]:
        """Return the image of each URL, or why it cannot be fetched. Fetches concurrently.

        `hosts` are patterns of the hosts that may be fetched from, redirects included: `a.example.com`,
        `*.example.com`; empty for any.

        Raises:
            Overloaded: too much is being fetched for other requests.
        """
        wanted = list(urls)
        if len(wanted) > MAX_URLS:
            return dict.fromkeys(
                wanted, FetchFailed(reason=f"is one of {len(wanted)} images; at most {MAX_URLS} are fetched")
            )
        with self._capacity.take(len(wanted)) as share:
            pool = httpcore.AsyncConnectionPool(network_backend=self._network, ssl_context=self._ssl)
            try:
                async with pool, asyncio.TaskGroup() as group:
                    tasks = [group.create_task(_fetch(pool, url, hosts, share)) for url in wanted]
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
        return {url: task.result() for url, task in zip(wanted, tasks, strict=True)}


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
            found = await self._resolve(host)
        except TimeoutError:
            raise
        except OSError:
            raise _Refused("names a host that does not exist") from None
        if not found or not all(map(self._is_allowed, found)):
            raise _Refused("is not at a public address")
        for address in found[:-1]:
            with contextlib.suppress(httpcore.ConnectError):
                return await self._backend.connect_tcp(str(address), port, *args, **kwargs)
        return await self._backend.connect_tcp(str(found[-1]), port, *args, **kwargs)


async def _fetch(pool: httpcore.AsyncConnectionPool, url: str, hosts: Collection[str], share: _Share) -> Fetched:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await _follow(pool, url, hosts, share)
    except _Refused as refused:
        return FetchFailed(reason=str(refused))
    except ValueError:  # a name or a redirect that no library takes: a null character, brackets, long labels
        return FetchFailed(reason="is not a URL, or redirects to what is not one")
    except TimeoutError:
        return FetchFailed(reason=f"could not be fetched within {TIMEOUT_SECONDS:.0f} seconds")
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError, ssl.SSLError):
        return FetchFailed(reason="could not be fetched: the connection failed")


async def _follow(pool: httpcore.AsyncConnectionPool, url: str, hosts: Collection[str], share: _Share) -> Media:
    for _ in range(MAX_REDIRECTS + 1):
        _check(url, hosts)
        async with pool.stream("GET", url, headers=_HEADERS) as response:
            headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
            if response.status not in _REDIRECTS:
                return await _read(response, headers, share)
            url = urljoin(url, headers.get(b"location", ""))
    raise _Refused(f"redirects more than {MAX_REDIRECTS} times")


def _check(url: str, hosts: Collection[str]) -> None:
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise _Refused("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_valid or not url.isascii():
        raise _Refused("is not a URL of http or https")
    if parts.username is not None or parts.password is not None:
        raise _Refused("must not hold a user name or password")
    if hosts and not any(_matches(parts.hostname.rstrip("."), pattern) for pattern in hosts):
        raise _Refused("is at a host that this gateway does not fetch from")


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


async def _read(response: httpcore.Response, headers: Mapping[bytes, str], share: _Share) -> Media:
    if response.status != 200:
        raise _Refused(f"cannot be fetched: its server answered {response.status}")
    media_type = headers.get(b"content-type", "").partition(";")[0].strip().lower()
    if not media_type.startswith("image/"):
        raise _Refused(f"is not an image: its server sent {media_type or 'no content-type'}")
    data = bytearray()
    async for chunk in response.aiter_stream():
        if len(data) + len(chunk) > MAX_BYTES:
            raise _Refused(f"is larger than {MAX_BYTES / 1e6:g} MB")
        share.add(len(chunk))
        data += chunk
    return Media(media_type=media_type, base64=b64encode(data).decode())
