"""The processes of `run`: the simulator for the demonstration, the processor, and Envoy."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from aigw_extproc.config.snapshot import Address, Snapshot
from aigw_extproc.envoy.options import Options, parse_address
from aigw_extproc.kubernetes.options import KubernetesOptions
from aigw_extproc.run.envoy import RELOAD_LAG, EnvoyFiles, envoy_child, keep_clusters
from aigw_extproc.run.ports import require_free
from aigw_extproc.serve.child import Child, OnLog, python
from aigw_extproc.serve.contexts import background, stop_signals
from aigw_extproc.serve.memory import memory_limit
from aigw_extproc.serve.options import is_loopback
from aigw_extproc.serve.probes import all_accept
from aigw_extproc.serve.source import ConfigurationSource
from aigw_extproc.serve.supervisor import Supervisor
from aigw_extproc.serve.workers import worker_address
from aigw_extproc.store.options import StoreOptions, store_environment
from aigw_extproc.tracing.options import TraceOptions

ANY_MODEL = "us.amazon.nova-micro-v1:0"
"""The model of the example request if the configuration names none."""
LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")
"""The names of this machine. A page of a site under any other name could use a gateway on loopback (DNS rebinding)."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - clients connect to it here
_UNBUFFERED = {"PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of `run`."""

    source: ConfigurationSource
    """With `start_simulator`, the simulator to start."""
    kubernetes: KubernetesOptions | None = None
    """What to read from the Kubernetes API into the file of the source."""
    listen: Address
    """Where clients connect."""
    admin: Address
    """The operator's port: /healthz, /readyz, /metrics."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts that requests may name, besides those of rules and, on loopback, local ones; `*` for any."""
    insecure: bool = False
    """Whether the operator knows that everyone who can connect is served."""
    start_simulator: bool = False
    """Whether to run the built-in demonstration, whose simulator is one of the children."""
    store: StoreOptions | None = None
    """Where responses are kept; None for the directory of this run, which is removed at its end."""
    workers: int = 1
    page: bool = True
    """Whether the operator's port has the page."""
    page_token: Path | None = None
    """The file of its token."""
    access_log: bool = True
    otlp: str | None = None
    """The URL that `traces` is made of."""
    traces: TraceOptions | None = None
    """Where Envoy and the processor send their spans; None for none."""
    trace_upstream: bool = False
    log_level: str = "info"
    """Of the processor and the simulator."""
    drain_seconds: float = 10.0
    """How long requests under way may take to end after Ctrl-C."""


async def run(options: RunOptions, *, on_ready: Callable[[str], None], on_log: OnLog) -> None:
    """Run everything until SIGINT or SIGTERM, then drain and stop it; a second signal kills it.

    `on_ready` takes a curl command to paste; `on_log` a child's name and a line of its log. Must be called in the
    main thread.

    Raises:
        ConfigError: the resources cannot be used; nothing was started.
        NoCluster: the Kubernetes API cannot be used; nothing was started.
        PortUnavailable: a port cannot be listened on; nothing was started.
        EnvoyNotFound: there is no Envoy; nothing was started.
        ChildFailed: a child ended by itself; the others have been stopped.
        OSError: a child could not be started, or the runtime directory not be created.
    """
    async with _followed(options):
        await _run(options, on_ready, on_log)


@asynccontextmanager
async def _followed(options: RunOptions) -> AsyncIterator[None]:
    """Read the Kubernetes API during the block, if it is the source; the block begins when all was read once."""
    if options.kubernetes is None or options.source.published is None:
        yield
        return
    # Imported here: most gateways have no cluster.
    from aigw_extproc.serve.following import following

    print("aigw-extproc: reading the Kubernetes API", flush=True)
    async with following(options.kubernetes, options.source.published) as follower:
        await follower.until_synced()
        yield


async def _run(options: RunOptions, on_ready: Callable[[str], None], on_log: OnLog) -> None:
    configuration = options.source.load()
    _require_ports(options)
    # Only this user has access to the directory: the admin socket in it can stop Envoy.
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        folder = Path(name)
        admin = folder / "envoy-admin.sock"
        sockets = [worker_address(f"unix://{name}/processor.sock", index) for index in range(options.workers)]
        envoy_options = Options(
            listen=options.listen,
            processors=tuple(map(parse_address, sockets)),
            admin=admin,
            access_log=options.access_log,
            traces=options.traces,
            memory_limit=memory_limit() // 2,  # the rest is for the processor
        )
        files = EnvoyFiles(folder, envoy_options)
        if options.store is None:
            options = replace(options, store=temporary_store(folder))
        supervisor = Supervisor(plan(options, configuration.snapshot, sockets, files, admin), on_log)
        with stop_signals(supervisor.kill) as stop:
            async with background(keep_clusters(options.source, configuration, files)):
                await supervisor.run(stop, on_ready=lambda: on_ready(curl(options.listen, configuration.snapshot)))


def plan(
    options: RunOptions, snapshot: Snapshot, sockets: Sequence[str], files: EnvoyFiles, admin: Path
) -> tuple[tuple[Child, ...], ...]:
    """Return the children by stages of their start, Envoy last.

    The processor's workers listen on `sockets`, and Envoy's admin interface on the socket `admin`.

    Raises:
        EnvoyNotFound: there is no Envoy.
    """
    envoy = envoy_child(files, snapshot, admin, drain_seconds=options.drain_seconds)
    return ((*_simulator_child(options), _processor_child(options, sockets, admin)), (envoy,))


def temporary_store(folder: Path) -> StoreOptions:
    """Return the store for clients that rely on one, as OpenAI's have, without the operator's decision to keep data."""
    return StoreOptions(place=str(folder / "responses.sqlite"), max_seconds=3600, max_bytes=256_000_000)


def _require_ports(options: RunOptions) -> None:
    require_free(options.listen, option="--port")
    require_free(options.admin, option="--admin-port")
    if options.start_simulator and options.source.simulator:
        require_free(options.source.simulator, option="--simulator-port")


def curl(listen: Address, snapshot: Snapshot) -> str:
    """Return a shell command that requests a chat completion."""
    model = next((model.id for model in snapshot.models), ANY_MODEL)
    address = _reachable(listen)
    key = (
        "-H 'authorization: Bearer YOUR_API_KEY' "
        if any(policy.keys or policy.tokens for policy in snapshot.policies)
        else ""
    )
    return (
        f"curl http://{address}/v1/chat/completions -H 'content-type: application/json' {key}"
        f"""-d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'"""
    )


def _reachable(listen: Address) -> Address:
    """Return the address at which a client on this machine connects."""
    return replace(listen, host=_EVERYWHERE.get(listen.host, listen.host))


def _simulator_child(options: RunOptions) -> tuple[Child, ...]:
    address = options.source.simulator
    if address is None or not options.start_simulator:
        return ()
    arguments = ("--host", address.host, "--port", str(address.port), "--log-level", options.log_level)
    ready = partial(all_accept, (address,))
    return (Child(name="simulator", argv=python("simulator", *arguments), env=_UNBUFFERED, ready=ready),)


def _admission(options: RunOptions) -> Iterator[str]:
    """Yield the processor's options that say who may come in."""
    local = is_loopback(options.listen.host)
    if "*" not in options.allowed_hosts and (local or options.allowed_hosts):
        yield from (f"--allow-host={host}" for host in (*(LOCAL_HOSTS if local else ()), *options.allowed_hosts))
    if not local:
        yield "--exposed"
    if options.insecure:
        yield "--insecure"


def _processor_child(options: RunOptions, sockets: Sequence[str], envoy_admin: Path) -> Child:
    arguments = (
        *options.source.arguments(),
        *("--listen", sockets[0], "--workers", str(options.workers)),
        *("--admin-host", options.admin.host, "--admin-port", str(options.admin.port)),
        *("--envoy-admin", str(envoy_admin)),
        *("--gateway-url", f"http://{_reachable(options.listen)}"),
        *(() if options.page else ("--no-page",)),
        *(("--page-token", str(options.page_token)) if options.page_token else ()),
        *("--drain-seconds", str(options.drain_seconds), "--reload-lag", str(RELOAD_LAG)),
        *("--log-level", options.log_level),
        *_admission(options),
        *(("--otlp", options.otlp) if options.otlp else ()),
        *(("--trace-upstream",) if options.trace_upstream else ()),
        *(options.store.arguments() if options.store else ()),
    )
    return Child(
        name="processor",
        argv=python("serve", *arguments),
        env=_UNBUFFERED | store_environment(options.store),
        ready=partial(all_accept, tuple(map(parse_address, sockets))),
        stop_seconds=options.drain_seconds + 10,  # more than `serve` gives its workers
    )
