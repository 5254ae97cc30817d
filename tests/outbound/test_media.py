"""Tests for aigw_extproc.outbound.media: fetched images, refused URLs, and connections that must not be made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from aigw_extproc.errors import Overloaded
from aigw_extproc.outbound import media
from aigw_extproc.outbound.addresses import IpAddress
from aigw_extproc.outbound.media import MediaFetcher
from aigw_extproc.translate.contract import Fetched, FetchFailed, Media

PNG = b"\x89PNG\r\n\x1a\n"
Answer = Callable[[str], bytes]


def answer(body: bytes = PNG, status: str = "200 OK", **headers: str) -> bytes:
    named = {"content-type": "image/png", "content-length": str(len(body)), "connection": "close"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Web:
    """A server on loopback that stands for the internet: names resolve to it, and it counts connections."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[str] = []
        self.answer: Answer = lambda _path: answer()
        self.names: dict[str, list[str]] = {}
        self.lookups: list[str] = []

    async def resolve(self, host: str) -> list[IpAddress]:
        self.lookups.append(host)
        if host not in self.names:
            raise OSError("no such host")
        return [ip_address(text) for text in self.names[host]]

    def fetcher(self) -> MediaFetcher:
        # 127.0.0.2 stands for a public address; other loopback addresses are private.
        return MediaFetcher(resolve=self.resolve, is_allowed=lambda address: str(address) == "127.0.0.2")

    async def fetch(self, url: str, *hosts: str) -> Fetched:
        return (await self.fetcher().fetch([url], hosts))[url]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split()[1].decode()
        self.requests.append(path)
        writer.write(self.answer(path))
        await writer.drain()
        writer.close()


async def listening(web: Web) -> tuple[asyncio.Server, asyncio.Server]:
    """Listen on a public and a private address at the same port, to detect connections that must not be made."""
    while True:
        public = await asyncio.start_server(web.serve, "127.0.0.2", 0)
        try:
            return public, await asyncio.start_server(web.serve, "127.0.0.1", public.sockets[0].getsockname()[1])
        except OSError:  # the port may be in use on the other address
            public.close()


@asynccontextmanager
async def running() -> AsyncIterator[Web]:
    web = Web()
    public, private = await listening(web)
    web.port = public.sockets[0].getsockname()[1]
    web.names["images.test"] = ["127.0.0.2"]
    async with public, private:
        yield web


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with running() as server:
        yield server


async def test_an_image_is_fetched(web: Web) -> None:
    url = f"http://images.test:{web.port}/a.png?x=1"
    assert await web.fetch(url) == Media(media_type="image/png", base64="iVBORw0KGgo=")
    assert web.requests == ["/a.png?x=1"]


async def test_redirects_are_followed(web: Web) -> None:
    web.answer = lambda path: answer() if path == "/3" else answer(b"", "302 Found", location=f"/{int(path[1]) + 1}")
    assert await web.fetch(f"http://images.test:{web.port}/0") == Media(media_type="image/png", base64="iVBORw0KGgo=")
    assert web.requests == ["/0", "/1", "/2", "/3"]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "0x7f.1", "2130706433"])
async def test_private_hosts_get_no_connection(web: Web, host: str) -> None:
    url = f"http://{host}:{web.port}/"
    failed = (await MediaFetcher().fetch([url]))[url]
    assert isinstance(failed, FetchFailed)
    assert web.connections == 0


async def test_a_name_with_one_private_address_is_refused(web: Web) -> None:
    web.names["mixed.test"] = ["127.0.0.2", "127.0.0.1"]
    failed = await web.fetch(f"http://mixed.test:{web.port}/")
    assert failed == FetchFailed(reason="is not at a public address")
    assert web.connections == 0


async def test_a_redirect_to_a_private_address_is_refused(web: Web) -> None:
    web.names["inside.test"] = ["127.0.0.1"]
    web.answer = lambda _path: answer(b"", "302 Found", location=f"http://inside.test:{web.port}/")
    failed = await web.fetch(f"http://images.test:{web.port}/")
    assert failed == FetchFailed(reason="is not at a public address")
    assert web.connections == 1


async def test_the_connection_goes_to_the_checked_address(web: Web) -> None:
    """DNS rebinding has no effect: there is only one look-up."""

    async def rebinding(host: str) -> list[IpAddress]:
        web.lookups.append(host)
        return [ip_address("127.0.0.2" if len(web.lookups) == 1 else "127.0.0.1")]

    fetcher = MediaFetcher(resolve=rebinding, is_allowed=lambda address: str(address) == "127.0.0.2")
    url = f"http://rebinding.test:{web.port}/"
    assert isinstance((await fetcher.fetch([url]))[url], Media)
    assert web.lookups == ["rebinding.test"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (answer(status="404 Not Found"), "cannot be fetched: its server answered 404"),
        (answer(content_type="text/html; charset=utf-8"), "is not an image: its server sent text/html"),
        (answer(content_type=""), "is not an image: its server sent no content-type"),
        (answer(bytes(media.MAX_BYTES + 1)), "is larger than 3.75 MB"),
        (answer(b"", "302 Found", location="/again"), "redirects more than 3 times"),
        (answer(b"", "302 Found", location="file:///etc/passwd"), "is not a URL of http or https"),
        (answer(b"", "302 Found", location="https://["), "is not a URL, or redirects to what is not one"),
        (b"not http at all\r\n\r\n", "could not be fetched: the connection failed"),
        (b"", "could not be fetched: the connection failed"),
    ],
)
async def test_unusable_answers_are_refused_with_the_reason(web: Web, reply: bytes, reason: str) -> None:
    web.answer = lambda _path: reply
    assert await web.fetch(f"http://images.test:{web.port}/") == FetchFailed(reason=reason)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://nowhere.test/a.png", "names a host that does not exist"),
        ("http://user:secret@images.test/", "must not hold a user name or password"),
        ("http:///a.png", "is not a URL of http or https"),
        ("http://images.test:99999/", "is not a URL"),
        ("http://[::1/", "is not a URL"),
        ("http://bücher.test/", "is not a URL of http or https"),
    ],
)
async def test_invalid_urls_are_refused(web: Web, url: str, reason: str) -> None:
    assert await web.fetch(url) == FetchFailed(reason=reason)
    assert web.connections == 0


async def test_a_fetch_has_a_timeout(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "TIMEOUT_SECONDS", 0.2)
    web.answer = lambda _path: answer()[:-4]
    hanging = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hanging.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.2", 0)
    port = server.sockets[0].getsockname()[1]
    failed = await web.fetch(f"http://images.test:{port}/")
    hanging.set()
    server.close()
    assert failed == FetchFailed(reason="could not be fetched within 0 seconds")


async def test_the_number_of_images_is_limited(web: Web) -> None:
    urls = [f"http://images.test:{web.port}/{number}" for number in range(media.MAX_URLS + 1)]
    images = await MediaFetcher(resolve=web.resolve, is_allowed=lambda _address: True).fetch(urls)
    assert set(images.values()) == {FetchFailed(reason="is one of 21 images; at most 20 are fetched")}
    assert web.connections == 0


def urls(web: Web, number: int) -> list[str]:
    return [f"http://images.test:{web.port}/{index}" for index in range(number)]


@pytest.mark.parametrize(
    ("hosts", "allowed"),
    [
        (["images.test"], True),
        (["other.test", "images.test"], True),
        (["*.test"], True),
        (["*.images.test"], False),
        (["mages.test"], False),
        (["*.est"], False),
    ],
)
async def test_hosts_can_be_restricted(web: Web, hosts: list[str], allowed: bool) -> None:
    fetched = await web.fetch(f"http://IMAGES.test:{web.port}/a.png", *hosts)
    refused = FetchFailed(reason="is at a host that this gateway does not fetch from")
    assert fetched == (Media(media_type="image/png", base64="iVBORw0KGgo=") if allowed else refused)
    assert web.connections == int(allowed)


async def test_redirects_are_restricted_to_the_same_hosts(web: Web) -> None:
    web.names["other.test"] = ["127.0.0.2"]
    web.answer = lambda _path: answer(b"", "302 Found", location=f"http://other.test:{web.port}/")
    fetched = await web.fetch(f"http://images.test:{web.port}/", "images.test")
    assert fetched == FetchFailed(reason="is at a host that this gateway does not fetch from")
    assert web.lookups == ["images.test"]


async def test_the_bytes_of_all_images_of_a_request_are_limited(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_REQUEST_BYTES", 3 * len(PNG))
    fetched = list((await web.fetcher().fetch(urls(web, 5))).values())
    reason = "is too large: all images of a request together may have 2.4e-05 MB"
    assert fetched.count(FetchFailed(reason=reason)) == 2


async def test_the_bytes_of_all_requests_are_limited(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_BYTES_IN_FLIGHT", 3 * len(PNG))
    fetcher = web.fetcher()
    with pytest.raises(Overloaded) as raised:
        await fetcher.fetch(urls(web, 5))
    assert (raised.value.status, raised.value.headers) == (503, (("retry-after", "1"),))
    assert len(await fetcher.fetch(urls(web, 3))) == 3  # the capacity is back


async def test_the_fetches_of_all_requests_are_limited(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_FETCHES", 4)
    fetcher = web.fetcher()
    with pytest.raises(Overloaded, match="the gateway is fetching too many images at the moment; try again"):
        await fetcher.fetch(urls(web, 5))
    assert web.connections == 0
    assert len(await fetcher.fetch(urls(web, 4))) == 4


async def test_a_host_that_no_library_takes() -> None:
    url = "https://a\0b/"
    assert (await media.MediaFetcher().fetch([url]))[url] == FetchFailed(
        reason="is not a URL, or redirects to what is not one"
    )
