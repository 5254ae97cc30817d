"""What is compared: the same Envoy without a processor, with one that does nothing, and with ours.

All of them run at the same time in front of the same upstream, so that a run can go from one to the other and back:
what the machine does meanwhile then hits them alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
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
from aigw_extproc.extproc.server import TRANSPORTS
from aigw_extproc.run.child import Child, OnLog, python, running
from aigw_extproc.run.probes import all_accept, envoy_ready
from aigw_extproc.source import Source

UPSTREAM = "upstream"
Document = dict[str, Any]
"""Envoy's configuration, as it is written in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A way from the client to the upstream."""

    name: str
    translates: bool
    """Whether it takes what OpenAI's clients send. If not, it is sent what Bedrock takes."""
    adapt: Callable[[Document, str], None]
    """Changes our configuration of Envoy in place; the second argument is the upstream's cluster."""
    processor: Callable[[str, Source], tuple[str, ...]] | None
    """The processor's command line for an address to listen on, or None for no processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A processor that does nothing, and ours, on the same transport."""

    noop: Stack
    ours: Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStack:
    """A stack that takes requests."""

    stack: Stack
    port: int
    pids: dict[str, int]
    """Its processes, and the upstream, by role: `envoy`, `processor`, `upstream`."""
    admin: httpx.AsyncClient

    async def messages(self) -> int:
        """How many messages Envoy has sent to the processor so far."""
        response = await self.admin.get("/stats", params={"filter": "ext_proc.*stream_msgs_sent", "format": "json"})
        return sum(counter["value"] for counter in response.json()["stats"] if "value" in counter)


def _as_it_is(_document: Document, _cluster: str) -> None:
    """Ours runs with the configuration that `run` uses."""


def _route_to(document: Document, cluster: str) -> None:
    """One fixed upstream, since nobody names it in a header."""
    route = _manager(document)["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
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


def _noop(transport: str, listen: str, _source: Source) -> tuple[str, ...]:
    return _module("noop", "--listen", listen, "--transport", transport)


def _ours(transport: str, listen: str, source: Source) -> tuple[str, ...]:
    return python("serve", *source.arguments(), "--listen", listen, "--transport", transport, "--no-admin")


ALONE = Stack(name="Envoy alone", translates=False, adapt=_without_processor, processor=None)


def _pair(transport: str) -> Pair:
    """Both processors on one transport."""
    return Pair(
        noop=Stack(
            name=f"no-op on {transport}", translates=False, adapt=_route_to, processor=partial(_noop, transport)
        ),
        ours=Stack(name=f"ours on {transport}", translates=True, adapt=_as_it_is, processor=partial(_ours, transport)),
    )


PAIRS = {transport: _pair(transport) for transport in TRANSPORTS}
"""By transport."""
STACKS = (ALONE, *(stack for pair in PAIRS.values() for stack in (pair.noop, pair.ours)))


@contextlib.asynccontextmanager
async def running_stacks(folder: Path, *, interval: float, on_log: OnLog) -> AsyncIterator[list[RunningStack]]:
    """Every stack, and behind them one upstream that streams a frame each `interval` seconds.

    Raises:
        ChildFailed: a process did not become ready.
        EnvoyNotFound: there is no Envoy.
    """
    async with contextlib.AsyncExitStack() as exits:

        async def start(child: Child) -> int:
            process = await exits.enter_async_context(running(child, on_log))
            await process.until_ready()
            return process.pid

        port_file = folder / "upstream.port"
        upstream = await start(_upstream_child(port_file, interval))
        source = Source(simulator=f"127.0.0.1:{port_file.read_text()}")
        started = []
        for index, stack in enumerate(STACKS):
            runtime = folder / str(index)
            runtime.mkdir()
            pids = {child.name: await start(child) for child in _children(stack, runtime, source)}
            admin = httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(runtime / "admin.sock")))
            await exits.enter_async_context(admin)
            admin.base_url = httpx.URL("http://envoy")
            port = await _listening_port(admin)
            started.append(RunningStack(stack=stack, port=port, pids=pids | {UPSTREAM: upstream}, admin=admin))
        yield started


def _upstream_child(port_file: Path, interval: float) -> Child:
    async def ready() -> bool:
        return await asyncio.to_thread(port_file.exists)

    argv = _module(UPSTREAM, "--port-file", str(port_file), "--interval", str(interval))
    return Child(name=UPSTREAM, argv=argv, ready=ready)


def _children(stack: Stack, runtime: Path, source: Source) -> list[Child]:
    socket, admin = runtime / "processor.sock", runtime / "admin.sock"
    # No access log: it costs the same everywhere.
    options = Options(listen=Address(host="127.0.0.1", port=0), processors=(socket,), admin=admin, access_log=False)
    snapshot = source.load().snapshot
    document = json.loads(to_json(render(snapshot, options)))
    stack.adapt(document, snapshot.upstreams[0].cluster)
    file = runtime / "envoy.json"
    file.write_text(json.dumps(document))
    flags = ("--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning")
    envoy = Child(
        name="envoy", argv=(str(find_envoy()), "--config-path", str(file), *flags), ready=partial(envoy_ready, admin)
    )
    if stack.processor is None:
        return [envoy]
    argv = stack.processor(f"unix://{socket}", source)
    return [Child(name="processor", argv=argv, ready=partial(all_accept, (socket,))), envoy]


async def _listening_port(admin: httpx.AsyncClient) -> int:
    listeners = (await admin.get("/listeners", params={"format": "json"})).json()
    return int(listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"])
