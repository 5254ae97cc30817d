"""Several workers, and the process that supervises them.

Each worker has a listening socket of its own, and Envoy balances over them. Streams share nothing, so workers share
nothing.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from aigw_extproc.serve.child import Child, python
from aigw_extproc.serve.live import Live
from aigw_extproc.serve.options import ServeOptions
from aigw_extproc.serve.restarts import Restarts
from aigw_extproc.serve.shared_folder import prepare, worker_environment
from aigw_extproc.serve.supervisor import Supervisor
from aigw_extproc.store.options import store_environment


def worker_address(listen: str, index: int) -> str:
    """Return the address that worker `index` listens on. Envoy's configuration has the same addresses."""
    return f"{listen}-{index}" if index and listen.startswith("unix:") else listen


async def supervise_workers(options: ServeOptions, live: Live, folder: Path, stop: asyncio.Event) -> None:
    """Run the workers until `stop`, then drain them. A worker that dies is started again. They share `folder`.

    Raises:
        ChildFailed: a worker ended by itself before all were ready, or too many did; the others have been stopped.
        OSError: a worker could not be started; likewise.
    """

    def on_ready() -> None:
        live.serving = True
        print(f"aigw-extproc: {options.workers} workers ready", flush=True)

    def on_stop() -> None:
        live.serving = False

    workers = [_worker(options, folder, index) for index in range(options.workers)]
    supervisor = Supervisor([workers], on_log=lambda *_: None, restarts=Restarts())
    live.running_workers = lambda: supervisor.running
    await supervisor.run(stop, on_ready=on_ready, on_stop=on_stop)


def _worker(options: ServeOptions, folder: Path, index: int) -> Child:
    arguments = (
        *options.source.arguments(),
        *("--listen", worker_address(options.listen, index), "--shared-port", "--no-admin"),
        *("--drain-seconds", str(options.drain_seconds), "--reload-lag", str(options.reload_lag)),
        *("--log-level", options.log_level, "--transport", options.transport),
        *("--body-budget", str(max(1, options.body_budget // 10**6))),
        *(options.tls.arguments() if options.tls else ()),
        *(options.store.arguments() if options.store else ()),
        *(("--otlp", options.otlp) if options.otlp else ()),
        *(("--trace-upstream",) if options.trace_upstream else ()),
        *(f"--allow-host={host}" for host in options.allowed_hosts),
        *(("--record-traffic",) if options.shows_page else ()),
        "--insecure",  # the supervisor warns for all
    )
    return Child(
        name=f"worker {index}",
        argv=python("serve", *arguments),
        env=worker_environment(index) | store_environment(options.store),
        prepare=partial(prepare, folder, index),
        inherits=True,
        ready_seconds=None,
        stop_seconds=options.drain_seconds + 5,
    )
