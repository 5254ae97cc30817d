"""The stacks that are compared: the same Envoy without a processor, with a no-op processor, and with ours.

They all run at the same time, with the same upstream, so that a run can alternate between them and other load on the
machine affects them alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.binary import find_envoy
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.render import render, to_json
from aigw_extproc.envoy.routes import PROCESSOR_FILTER
from aigw_extproc.extproc.transport import TRANSPORTS
from aigw_extproc.serve.child import Child, OnLog, python
from aigw_extproc.serve.probes import all_accept, envoy_ready
from aigw_extproc.serve.source import ConfigurationSource
from aigw_extproc.serve.workers import worker_address
from benchmarks.processes import running

UPSTREAM = "upstream"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "an example; the upstream checks none"}
"""For processors that use the default credential chain."""
Document = dict[str, Any]
"""Envoy's configuration as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A way from the client to the upstream."""

    name: str
    translates: bool
    """Whether it takes OpenAI's requests; otherwise it takes Bedrock's."""
    adapt: Callable[[Document, str], None]
    """Adapts our configuration of Envoy in place; the second argument is the upstream's cluster."""
    processor: Callable[[str, ConfigurationSource, int], tuple[str, ...]] | None
    """The processor's command line for a listen address, a source and a number of workers; None for no processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The no-op processor and ours, on the same transport."""

    noop: Stack
    ours: Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStack:
    """A stack that is ready for requests."""

    stack: Stack
    port: int
    pids: dict[str, int]
    """Its processes and the upstream, by role: `envoy`, `processor`, `upstream`."""
    admin: httpx.AsyncClient | None
    """A client of Envoy's admin port; None without Envoy."""

    async def messages(self) -> int:
        """Return the number of messages that Envoy has sent to the processor."""
        if self.admin is None:
            return 0
        response = await self.admin.get("/stats", params={"filter": "ext_proc.*stream_msgs_sent", "format": "json"})
        return sum(counter["value"] for counter in response.json()["stats"] if "value" in counter)


def _unchanged(_document: Document, _cluster: str) -> None:
    """Keep the configuration of `run`."""


def _route_to(document: Document, cluster: str) -> None:
    """Use a fixed upstream, since no processor sets the header that names one."""
    host = _manager(document)["route_config"]["virtual_hosts"][0]
    host["routes"] = host["routes"][-1:]  # that of every request; the processor would choose the others
    route = host["routes"][0]["route"]
    del route["cluster_header"]
    route["cluster"] = cluster


def _without_processor(document: Document, cluster: str) -> None:
    _route_to(document, cluster)
    manager = _manager(document)
    manager["http_filters"] = [one for one in manager["http_filters"] if one["name"] != PROCESSOR_FILTER]
    del manager["route_config"]["virtual_hosts"][0]["routes"][0]["typed_per_filter_config"]


def _manager(document: Document) -> Document:
    manager: Document = document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    return manager


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.{name}", *arguments)


def _noop(transport: str, listen: str, _source: ConfigurationSource, _workers: int) -> tuple[str, ...]:
    return _module("noop", "--listen", listen, "--transport", transport)


def _ours(transport: str, listen: str, source: ConfigurationSource, workers: int) -> tuple[str, ...]:
    where = ("--listen", listen, "--transport", transport, "--workers", str(workers), "--no-admin")
    return python("serve", *source.arguments(), *where)


ALONE = Stack(name="Envoy alone", translates=False, adapt=_without_processor, processor=None)


def _pair(transport: str) -> Pair:
    """Return the two processors on a transport."""
    return Pair(
        noop=Stack(
            name=f"no-op on {transport}", translates=False, adapt=_route_to, processor=partial(_noop, transport)
        ),
        ours=Stack(name=f"ours on {transport}", translates=True, adapt=_unchanged, processor=partial(_ours, transport)),
    )


PAIRS = {transport: _pair(transport) for transport in TRANSPORTS}
"""Pairs by transport."""
STACKS = (ALONE, *(stack for pair in PAIRS.values() for stack in (pair.noop, pair.ours)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The running upstream of the stacks."""

    port: int
    pid: int

    @property
    def source(self) -> ConfigurationSource:
        """Return a source that sends every model to the upstream."""
        return ConfigurationSource(simulator=Address(host="127.0.0.1", port=self.port))


@contextlib.asynccontextmanager
async def running_upstream(folder: Path, *options: str, on_log: OnLog) -> AsyncIterator[Upstream]:
    """Run an upstream with these options.

    Raises:
        ChildFailed: it did not become ready.
    """
    file = folder / "upstream.port"

    async def ready() -> bool:
        return await asyncio.to_thread(file.exists)

    child = Child(name=UPSTREAM, argv=_module(UPSTREAM, "--port-file", str(file), *options), ready=ready)
    async with running(child, on_log) as process:
        await process.until_ready()
        yield Upstream(port=int(file.read_text()), pid=process.pid)


@contextlib.asynccontextmanager
async def running_stack(
    stack: Stack,
    folder: Path,
    upstream: Upstream,
    *,
    on_log: OnLog,
    source: ConfigurationSource | None = None,
    workers: int = 1,
) -> AsyncIterator[RunningStack]:
    """Run a stack with its sockets in a new folder. By default, the processor sends every model to the upstream.

    Raises:
        ChildFailed: a process did not become ready.
        EnvoyNotFound: Envoy is not installed.
    """
    pids = {UPSTREAM: upstream.pid}
    async with contextlib.AsyncExitStack() as exits:
        for child in _children(stack, folder, source or upstream.source, workers):
            process = await exits.enter_async_context(running(child, on_log))
            await process.until_ready()
            pids[child.name] = process.pid
        transport = httpx.AsyncHTTPTransport(uds=str(folder / "admin.sock"))
        admin = await exits.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://envoy"))
        yield RunningStack(stack=stack, port=await _listening_port(admin), pids=pids, admin=admin)


@contextlib.asynccontextmanager
async def running_stacks(
    stacks: Sequence[Stack], folder: Path, upstream: Upstream, *, on_log: OnLog
) -> AsyncIterator[list[RunningStack]]:
    """Run stacks at the same time, with one upstream. Raises as `running_stack` does."""
    async with contextlib.AsyncExitStack() as exits:
        yield [
            await exits.enter_async_context(running_stack(stack, folder / str(index), upstream, on_log=on_log))
            for index, stack in enumerate(stacks)
        ]


def _children(stack: Stack, folder: Path, source: ConfigurationSource, workers: int) -> list[Child]:
    folder.mkdir()
    listen, admin = f"unix://{folder / 'processor.sock'}", folder / "admin.sock"
    sockets = tuple(Path(worker_address(listen, index).removeprefix("unix://")) for index in range(workers))
    # No access log: it costs the same everywhere.
    options = Options(listen=Address(host="127.0.0.1", port=0), processors=sockets, admin=admin, access_log=False)
    snapshot = source.load().snapshot
    document = json.loads(to_json(render(snapshot, options)))
    stack.adapt(document, snapshot.upstreams[0].cluster)
    file = folder / "envoy.json"
    file.write_text(json.dumps(document))
    flags = ("--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning")
    envoy = Child(
        name="envoy", argv=(str(find_envoy()), "--config-path", str(file), *flags), ready=partial(envoy_ready, admin)
    )
    if stack.processor is None:
        return [envoy]
    argv = stack.processor(listen, source, workers)
    return [Child(name="processor", argv=argv, env=CREDENTIALS, ready=partial(all_accept, sockets)), envoy]


async def _listening_port(admin: httpx.AsyncClient) -> int:
    listeners = (await admin.get("/listeners", params={"format": "json"})).json()
    return int(listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"])
