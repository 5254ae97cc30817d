"""`aigw-extproc serve`: the processor, its operator's port, and reload; one process, or several.

With `workers > 1` the first process only watches over the others and answers on the operator's port; each worker has a
listening socket of its own, and Envoy balances over them. Workers share nothing, because streams share nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aigw_extproc.aws.credentials import CredentialCache
from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.files.watcher import ReloadStatus, watch
from aigw_extproc.config.snapshot import Upstream
from aigw_extproc.exchange import UpstreamCall
from aigw_extproc.routing import Router
from aigw_extproc.serve.lifeline import end_with_parent
from aigw_extproc.serve.malloc import keep_freed_memory
from aigw_extproc.serve.source import Source
from aigw_extproc.serve.worker_status import Details, tell, told
from aigw_extproc.translate.contract import Fetched, UpstreamResponse

if TYPE_CHECKING:
    from aigw_extproc.extproc.tls import ServerTls
    from aigw_extproc.extproc.transport import Transport

log = logging.getLogger(__name__)

_SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names a folder which workers and the process that watches over them share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What `serve` is asked to do."""

    source: Source
    listen: str
    """`unix:///absolute/path` or `HOST:PORT`. Worker n > 0 adds `-n` to a unix path; on TCP all share the port."""
    admin: tuple[str, int] | None = None
    """Host and port of the operator's port; None for none."""
    workers: int = 1
    transport: Transport = "grpc"
    """What carries Envoy's streams."""
    tls: ServerTls | None = None
    """What Envoy connects with; None for cleartext."""
    drain_seconds: float = 30.0
    """How long exchanges may take to end after SIGTERM."""
    reload_lag: float = 0.0
    """Seconds that a valid change of the files waits for Envoy, which has to know a new cluster first."""
    log_level: str = "info"
    """What this process logs from; its workers do the same."""


class WorkerFailed(Exception):
    """A worker ended by itself; the others were stopped."""


def worker_address(listen: str, index: int) -> str:
    """Where worker `index` listens. Envoy's configuration names the same addresses."""
    return f"{listen}-{index}" if index and listen.startswith("unix:") else listen


async def serve(options: ServeOptions) -> None:
    """Serves until SIGTERM or SIGINT, then drains. One line on standard output says when it is ready.

    Raises:
        ConfigError: the configuration cannot be used.
        OSError: an address cannot be had.
        WorkerFailed: a worker ended by itself.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    live = Live(options.source.load())
    admin = _bind_admin(*options.admin) if options.admin else None
    work = _serve_workers if options.workers > 1 else _serve_streams
    try:
        await work(options, live, admin, stop)
    except ExceptionGroup as group:  # of a TaskGroup; what one of its tasks raised is what there is to tell
        raise _first(group) from None


def _first(error: Exception) -> Exception:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _serve_streams(options: ServeOptions, live: Live, admin: socket.socket | None, stop: asyncio.Event) -> None:
    # Imported here so that the process that only watches over workers does not load gRPC.
    from aigw_extproc.extproc.processor import Processor
    from aigw_extproc.extproc.server import create_server

    keep_freed_memory()
    credentials = CredentialCache()
    live.credentials = credentials.as_details
    processor = Processor(live.router, credentials.get, _fetch_media, _call_upstream)
    server = create_server(options.transport, processor, options.listen, grace=options.drain_seconds, tls=options.tls)
    async with (
        _running(_watch(options, live)),
        _running(_serve_admin(admin, live)),
        _running(credentials.keep_fresh(lambda: live.router().snapshot.auths)),
        _running(_tell(credentials)),
    ):
        await server.start()
        live.serving = True
        print(f"aigw-extproc: ready on {options.listen}", flush=True)
        await stop.wait()
        live.serving = False
        log.info("draining: at most %.0f s", options.drain_seconds)
        await server.drain()


async def _tell(credentials: CredentialCache) -> None:
    """As one of several workers: what the process that watches over them shows."""
    folder = os.environ.get(_SHARED)
    if folder is not None:
        await tell(Path(folder), credentials.as_details)


async def _fetch_media(urls: tuple[str, ...]) -> Mapping[str, Fetched]:
    # Imported at the first image: most gateways never see one, and it takes a tenth of a second.
    from aigw_extproc.outbound.media import fetcher

    return await fetcher().fetch(urls)


async def _call_upstream(upstream: Upstream, calls: Sequence[UpstreamCall]) -> tuple[UpstreamResponse, ...]:
    # Imported at the first batch, for the same reasons.
    from aigw_extproc.outbound.upstream import client

    return await client().call(upstream, calls)


class Live:
    """What changes while the process runs: which rules hold, and whether streams are served."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.status = ReloadStatus(loaded_at=time.time())
        self.serving = False
        self.credentials: Callable[[], Details] = list
        """How they stand: this process's, or those of the workers that it watches over."""
        self._router = Router(configuration.snapshot)

    def router(self) -> Router:
        """The rules that new streams get."""
        return self._router

    def apply(self, configuration: Configuration) -> None:
        """Gives new streams other rules; those under way keep theirs."""
        self._router = Router(configuration.snapshot)

    def details(self) -> dict[str, object]:
        """What an operator wants to know, as plain values; no secret among them."""
        return {"config": self.status.as_details(), "credentials": self.credentials()}


async def _watch(options: ServeOptions, live: Live) -> None:
    if options.source.paths:
        apply = _later(live.apply, options.reload_lag) if options.reload_lag else live.apply
        await watch(options.source.paths, live.configuration, apply, live.status, secrets=options.source.secrets)


def _later(apply: Callable[[Configuration], None], seconds: float) -> Callable[[Configuration], None]:
    loop = asyncio.get_running_loop()

    def schedule(configuration: Configuration) -> None:
        loop.call_later(seconds, apply, configuration)

    return schedule


def _bind_admin(host: str, port: int) -> socket.socket:
    # Imported here: a worker of several has no such port, and need not carry a web server.
    from aigw_extproc import asgi as http

    listener = http.bind(host, port)
    log.info("operator's port: http://%s:%d", *listener.getsockname()[:2])  # port 0 takes a free one
    return listener


async def _serve_admin(listener: socket.socket | None, live: Live) -> None:
    """Ready while streams are served, whatever became of the last change of the files."""
    if listener is None:
        return
    # Imported here, for the same reason.
    from aigw_extproc.asgi import EmbeddedServer
    from aigw_extproc.serve.admin import create_app

    app = create_app(ready=lambda: live.serving, details=live.details)
    await EmbeddedServer(app).serve_until_cancelled(listener)


async def _serve_workers(options: ServeOptions, live: Live, admin: socket.socket | None, stop: asyncio.Event) -> None:
    with tempfile.TemporaryDirectory(prefix="aigw-metrics-") as folder:
        # Read by prometheus-client in the workers, by themselves, and by our own operator's port.
        os.environ[_SHARED] = folder
        live.credentials = lambda: told(Path(folder))
        async with _running(_watch(options, live)), _running(_serve_admin(admin, live)):
            workers = [await _start_worker(options, index) for index in range(options.workers)]
            try:
                await _watch_over(workers, live, stop)
            finally:
                live.serving = False
                await _stop(workers, options.drain_seconds)


async def _start_worker(options: ServeOptions, index: int) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aigw_extproc", "serve", *options.source.arguments()),
        *("--listen", worker_address(options.listen, index), "--shared-port", "--no-admin"),
        *("--drain-seconds", str(options.drain_seconds), "--reload-lag", str(options.reload_lag)),
        *("--log-level", options.log_level, "--transport", options.transport),
        *(options.tls.arguments() if options.tls else ()),
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=end_with_parent(),
    )


async def _watch_over(workers: list[Process], live: Live, stop: asyncio.Event) -> None:
    """Returns when told to stop.

    Raises:
        WorkerFailed: a worker ended first.
    """
    async with asyncio.TaskGroup() as tasks:
        ends = [tasks.create_task(_until_end(worker)) for worker in workers]
        await asyncio.gather(*(_until_ready(worker) for worker in workers))
        live.serving = True
        print(f"aigw-extproc: {len(workers)} workers ready", flush=True)
        await stop.wait()
        for end in ends:
            end.cancel()


async def _until_ready(worker: Process) -> None:
    assert worker.stdout is not None  # noqa: S101 - it was asked for
    if not await worker.stdout.readline():  # it has ended
        await _until_end(worker)


async def _until_end(worker: Process) -> None:
    code = await worker.wait()
    raise WorkerFailed(f"worker with pid {worker.pid} ended by itself, exit code {code}; its log says why")


async def _stop(workers: list[Process], drain_seconds: float) -> None:
    running = [worker for worker in workers if worker.returncode is None]
    for worker in running:
        worker.terminate()
    try:
        async with asyncio.timeout(drain_seconds + 5):
            await asyncio.gather(*(worker.wait() for worker in running))
    except TimeoutError:
        for worker in running:
            if worker.returncode is None:
                worker.kill()


@asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Does `work` beside the block, and ends it with the block."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        yield
        task.cancel()
