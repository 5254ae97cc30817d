"""A real Envoy, and an upstream for it."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from typing import Any, TypeVar

import httpx

from aigw_extproc.envoy.binary import find_envoy

T = TypeVar("T")


@dataclass
class RunningEnvoy:
    """A running Envoy: its process, URL, log file and admin interface."""

    pid: int
    url: str
    log: Path
    admin: httpx.Client

    @property
    def port(self) -> int:
        return httpx.URL(self.url).port or 0

    def access_log(self, request_id: str) -> dict[str, Any]:
        """Wait for the line of a request, and return it."""
        return wait_for(lambda: next(self._lines(request_id), None), what=f"an access log line of {request_id}")

    def _lines(self, request_id: str) -> Iterator[dict[str, Any]]:
        lines = [line for line in self.log.read_text().splitlines() if request_id in line]
        return map(json.loads, lines)


def wait_for(condition: Callable[[], T | None], *, what: str, seconds: float = 10) -> T:
    """Wait until `condition` returns a value other than None, and return it."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while (value := condition()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        pause.wait(0.02)
    return value


@contextlib.contextmanager
def running_envoy(config: str, folder: Path, admin: Path) -> Iterator[RunningEnvoy]:
    """Run Envoy with `config`, whose admin interface must be at the socket `admin`, its listener at port 0."""
    file, log = folder / "envoy.yaml", folder / "envoy.log"
    file.write_text(config)
    options = ("--use-dynamic-base-id", "--concurrency", "1", "-l", "warn", "--file-flush-interval-msec", "20")
    with log.open("w") as output:
        process = subprocess.Popen([find_envoy(), "-c", file, *options], stdout=output, stderr=subprocess.STDOUT)
    transport = httpx.HTTPTransport(uds=str(admin))
    with httpx.Client(transport=transport, base_url="http://envoy") as client:
        try:
            port = wait_for(lambda: _port(client, process, log), what="Envoy")
            yield RunningEnvoy(pid=process.pid, url=f"http://127.0.0.1:{port}", log=log, admin=client)
        finally:
            process.terminate()
            process.wait(10)


def _port(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> int | None:
    if process.poll() is not None:
        raise RuntimeError(log.read_text())
    try:
        if client.get("/ready").status_code != 200:
            return None
    except httpx.TransportError:
        return None
    listeners = client.get("/listeners", params={"format": "json"}).json()
    return int(listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"])


@dataclass
class Received:
    """A request that the upstream received."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes


def json_answer(handler: Handler) -> None:
    """Answer 200 with a JSON body."""
    body = b'{"answer":true}'
    handler.send_response_only(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@dataclass
class Upstream:
    """An HTTP/1.1 server that records requests. `answer` writes the response."""

    answer: Callable[[Handler], None] = json_answer
    received: list[Received] = field(default_factory=list)
    port: int = 0

    def reset(self, answer: Callable[[Handler], None] = json_answer) -> None:
        self.answer, self.received = answer, []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: Upstream

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        received = Received(self.requestline, list(self.headers.items()), self.rfile.read(length))
        self.upstream.received.append(received)
        self.upstream.answer(self)

    do_GET = do_POST  # noqa: N815 - as above

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a test of load opens many connections at once

    def handle_error(self, *_: object) -> None:
        """Log nothing: Envoy resets connections in many of these tests."""


@contextlib.contextmanager
def running_upstream(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Upstream]:
    """Run an upstream on a free port of an address of this machine."""
    upstream = Upstream()
    handler = type("UpstreamHandler", (Handler,), {"upstream": upstream})
    server = _Server((host, 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    upstream.port = server.server_port
    with served(server):
        yield upstream


@contextlib.contextmanager
def served(server: BaseServer) -> Iterator[None]:
    """Answer the requests of a bound server, in a thread."""
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def refused_port() -> Iterator[int]:
    """Reserve a port that refuses connections: bound, but not listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
