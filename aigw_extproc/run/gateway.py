"""What `run` runs: the simulator if asked for, the processor, and Envoy with the configuration for both."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aigw_extproc.config.snapshot import Address, Snapshot
from aigw_extproc.envoy.options import parse_address
from aigw_extproc.run.child import Child, OnLog, python
from aigw_extproc.run.envoy import RELOAD_LAG, EnvoyFiles, envoy_child, keep_clusters
from aigw_extproc.run.ports import require_free
from aigw_extproc.run.probes import all_accept
from aigw_extproc.run.supervisor import supervise
from aigw_extproc.serve.process import worker_address
from aigw_extproc.serve.source import Source

ANY_MODEL = "us.amazon.nova-micro-v1:0"
"""What to ask for where the configuration names no model."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where clients find what listens everywhere
_UNBUFFERED = {"PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What `run` is asked to do."""

    source: Source
    """Files, a region or a simulator that runs already. With `start_simulator`, the one that is to be started."""
    listen: Address
    """Where clients connect."""
    admin: Address
    """The processor's own port: /healthz, /readyz, /metrics."""
    start_simulator: bool = False
    """Whether the source is the built-in demonstration, whose simulator is one of the children."""
    workers: int = 1
    access_log: bool = True
    log_level: str = "info"
    """Of the processor and the simulator."""
    drain_seconds: float = 10.0
    """How long requests under way may take to end after Ctrl-C."""


async def run(options: RunOptions, *, on_ready: Callable[[str], None], on_log: OnLog) -> None:
    """Runs everything until SIGINT or SIGTERM, then drains and stops it. Call it in the main thread.

    `on_ready` gets a curl command to paste; `on_log` a child's name and a line of its log.

    Raises:
        ConfigError: the resources cannot be used; nothing was started, as with the next two.
        PortUnavailable: a port is taken.
        EnvoyNotFound: there is no Envoy.
        ChildFailed: a child ended by itself; the others have been stopped.
        OSError: a child could not be started, or the runtime directory not be made.
    """
    configuration = options.source.load()
    _require_ports(options)
    # mkdtemp makes it accessible to this user alone: whoever reaches the sockets in it can stop Envoy.
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        sockets = [worker_address(f"unix://{name}/processor.sock", index) for index in range(options.workers)]
        files = EnvoyFiles.at(
            Path(name), options.listen, tuple(map(parse_address, sockets)), access_log=options.access_log
        )
        await supervise(
            plan(options, configuration.snapshot, sockets, files),
            on_ready=lambda: on_ready(curl(options.listen, configuration.snapshot)),
            on_log=on_log,
            beside=lambda: keep_clusters(options.source, configuration, files),
        )


def plan(
    options: RunOptions, snapshot: Snapshot, sockets: Sequence[str], files: EnvoyFiles
) -> tuple[tuple[Child, ...], ...]:
    """The children, by stages of their start: Envoy last. The processor's workers listen on `sockets`.

    Raises:
        EnvoyNotFound: there is no Envoy.
    """
    envoy = envoy_child(files, snapshot, drain_seconds=options.drain_seconds)
    return ((*_simulator_child(options), _processor_child(options, sockets)), (envoy,))


def _require_ports(options: RunOptions) -> None:
    require_free(options.listen, option="--port")
    require_free(options.admin, option="--admin-port")
    if options.start_simulator:
        require_free(_simulator(options), option="--simulator-port")


def curl(listen: Address, snapshot: Snapshot) -> str:
    """A chat completion, to be pasted into a shell."""
    model = next((model.id for model in snapshot.models), ANY_MODEL)
    host = _EVERYWHERE.get(listen.host, listen.host)
    authority = f"[{host}]:{listen.port}" if ":" in host else f"{host}:{listen.port}"
    return (
        f"curl http://{authority}/v1/chat/completions -H 'content-type: application/json' "
        f"""-d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'"""
    )


def _simulator_child(options: RunOptions) -> tuple[Child, ...]:
    if not options.start_simulator:
        return ()
    where = _simulator(options)
    arguments = ("--host", where.host, "--port", str(where.port), "--log-level", options.log_level)
    return (
        Child(
            name="simulator",
            argv=python("simulator", *arguments),
            env=_UNBUFFERED,
            ready=partial(all_accept, (where,)),
        ),
    )


def _processor_child(options: RunOptions, sockets: Sequence[str]) -> Child:
    arguments = (
        *options.source.arguments(),
        *("--listen", sockets[0], "--workers", str(options.workers)),
        *("--admin-host", options.admin.host, "--admin-port", str(options.admin.port)),
        *("--drain-seconds", str(options.drain_seconds), "--reload-lag", str(RELOAD_LAG)),
        *("--log-level", options.log_level),
    )
    return Child(
        name="processor",
        argv=python("serve", *arguments),
        env=_UNBUFFERED,
        ready=partial(all_accept, tuple(map(parse_address, sockets))),
        stop_seconds=options.drain_seconds + 10,  # it stops in time by itself; serve gives its workers 5 s more
    )


def _simulator(options: RunOptions) -> Address:
    where = parse_address(options.source.simulator or "")
    if isinstance(where, Path):
        raise TypeError("the simulator listens on TCP only")
    return where
