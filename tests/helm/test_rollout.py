"""A rollout under load: of two pods of the chart, one is stopped as kubelet would stop it, and no request fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.docs.test_running import free_ports
from tests.envoy_config.running import wait_for
from tests.gateway.resources import backend, ref, route, rule
from tests.gateway.running import CHAT, question
from tests.helm.cases import PEER
from tests.helm.pods import Manifest, command, containers, mount, one
from tests.helm.tools import Helm
from tests.simulator.running import RunningSimulator, running_simulator

CLIENTS = 8


@dataclass
class Pod:
    """The containers of one pod, in the order in which they start."""

    containers: dict[str, Manifest]
    port: int
    """The port for clients, or for Envoy if the pod contains none."""
    test: Manifest
    """The container of `helm test`."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def ready(self) -> bool:
        """Return the result of Envoy's readiness probe."""
        return self.probe("envoy", "readinessProbe")

    def probe(self, container: str, probe: str) -> bool:
        action = self.containers[container][probe]["exec"]["command"]
        return subprocess.run(action, timeout=10, stderr=subprocess.DEVNULL).returncode == 0

    def pre_stop(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.containers["envoy"]["lifecycle"]["preStop"]["exec"]["command"])

    def stop(self) -> None:
        """Send SIGTERM to Envoy, then to the sidecars, the last one first."""
        for name in reversed(self.containers):
            if name in self.processes:
                process = self.processes.pop(name)
                process.terminate()
                process.wait(20)


class Endpoints:
    """The Service: forwards each new connection to the current pod, for its lifetime."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.connections: Counter[int] = Counter()

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self.pod.port
        self.connections[port] += 1
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError), contextlib.closing(writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@contextlib.contextmanager
def service(endpoints: Endpoints) -> Iterator[str]:
    """Yield the address of the Service. Connections still open at the end are closed."""
    found: Future[tuple[str, Callable[[], object]]] = Future()

    async def main() -> None:
        server = await asyncio.start_server(endpoints.forward, "127.0.0.1", 0)
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        port = server.sockets[0].getsockname()[1]
        found.set_result((f"http://127.0.0.1:{port}", lambda: loop.call_soon_threadsafe(stop.set)))
        await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    url, stop = found.result(10)
    try:
        yield url
    finally:
        stop()
        thread.join(10)


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


def values(simulator: RunningSimulator, workers: int, mode: str) -> tuple[dict[str, Any], int]:
    """For a pod beside others on this machine, and the port that clients, or an Envoy, connect to."""
    name = "aigw-aigw-extproc-aws"
    documents = [route("any", rule(ref(name))), *backend(name, simulator.port)]
    ports = free_ports(4)
    return {
        "mode": mode,
        "networkPolicy": {"clients": PEER},  # required in mode `service`
        "config": {"resources": [document for document in documents if document["kind"] != "Secret"]},
        "credentials": {"method": "secret", "file": credentials_file_of(documents)},
        "processor": {"workers": workers, "port": ports[3]},
        "envoy": {"port": ports[0], "adminPort": ports[1], "concurrency": 1},
        "adminPort": ports[2],
        "drain": {"endpointsSeconds": 2, "exchangesSeconds": 20},
    }, ports[0 if mode == "sidecar" else 3]


def credentials_file_of(documents: list[dict[str, Any]]) -> str:
    return next(str(each["stringData"]["credentials"]) for each in documents if each["kind"] == "Secret")


@contextlib.contextmanager
def running_pod(helm: Helm, simulator: RunningSimulator, *, workers: int = 1, mode: str = "sidecar") -> Iterator[Pod]:
    chosen, port = values(simulator, workers, mode)
    with pod_of(helm.manifests(chosen), port) as pod:
        yield pod


@contextlib.contextmanager
def pod_of(manifests: list[Manifest], port: int, **environment: str) -> Iterator[Pod]:
    """Start the containers of a Deployment, each when the one before has started."""
    spec = one(manifests, "Deployment")["spec"]["template"]["spec"]
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        folder = Path(name)
        mount(spec, manifests, folder)
        test = one(manifests, "Pod")["spec"]["containers"][0]
        pod = Pod(containers(spec), port, test)
        try:
            for container in pod.containers.values():
                process = subprocess.Popen(command(container, folder), env={**os.environ, **environment})
                pod.processes[container["name"]] = process
                wait_for(lambda each=container: started(pod, each) or None, what=container["name"], seconds=30)
            yield pod
        finally:
            pod.stop()


def started(pod: Pod, container: Manifest) -> bool:
    """Return the result of the startup probe, with paths and addresses of this machine."""
    action = container["startupProbe"]
    if container["name"] == "envoy-config":
        written = pod.processes["envoy-config"].args[-1].removeprefix("--write-to=")  # type: ignore[index,union-attr] # a list of ours
        return (Path(written) / "envoy.yaml").exists()
    if "exec" in action:
        return pod.probe(container["name"], "startupProbe")
    port = next(each["containerPort"] for each in container["ports"] if each["name"] == action["httpGet"]["port"])
    try:
        return httpx.get(f"http://127.0.0.1:{port}{action['httpGet']['path']}").status_code == 200
    except httpx.TransportError:
        return False


@dataclass
class Load:
    """Clients that send requests without a pause, streamed and not, on persistent connections."""

    url: str
    enough: threading.Event = field(default_factory=threading.Event)
    answers: Counter[str] = field(default_factory=Counter)

    def ask(self, number: int) -> None:
        with httpx.Client(base_url=self.url, timeout=30) as client:
            while not self.enough.is_set():
                self.answers[self._outcome(client, stream=number % 2 == 0)] += 1

    def _outcome(self, client: httpx.Client, *, stream: bool) -> str:
        try:
            request = question("us.amazon.nova-micro-v1:0", stream=stream)
            with client.stream("POST", CHAT, json=request) as response:
                body = response.read().decode()
        except httpx.HTTPError as error:
            return repr(error)
        complete = body.endswith("data: [DONE]\n\n") if stream else '"finish_reason":"stop"' in body
        return "complete" if response.status_code == 200 and complete else f"{response.status_code}: {body}"

    def wait_for(self, more: int) -> None:
        begin = self.answers.total()
        wait_for(lambda: self.answers.total() >= begin + more or None, what=f"{more} more answers", seconds=30)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_fails_while_a_pod_stops(helm4: Helm, simulator: RunningSimulator, workers: int) -> None:
    with (
        running_pod(helm4, simulator, workers=workers) as old,
        running_pod(helm4, simulator, workers=workers) as new,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        endpoints = Endpoints(old)
        with service(endpoints) as url:
            load = Load(url)
            clients = [pool.submit(load.ask, number) for number in range(CLIENTS)]
            try:
                load.wait_for(100)
                ending = old.pre_stop()
                wait_for(lambda: not old.ready() or None, what="the probe to find it draining")
                load.wait_for(50)  # new connections arrive until kube-proxy is updated
                assert endpoints.connections[new.port] == 0
                endpoints.pod = new
                assert ending.wait(30) == 0
                begin = time.monotonic()
                old.stop()
                stopped_in = time.monotonic() - begin
                load.wait_for(100)
            finally:
                load.enough.set()
                for client in clients:
                    client.result(40)
    assert load.answers.keys() == {"complete"}, load.answers
    assert endpoints.connections[new.port] >= CLIENTS
    assert stopped_in < 15  # the remainder of the grace period


def test_a_pod_waits_for_a_response_in_progress(helm4: Helm, simulator: RunningSimulator) -> None:
    with running_pod(helm4, simulator) as pod, ThreadPoolExecutor(1) as pool:
        body = question("simulator.slow-4000")
        known = {each["id"] for each in simulator.requests()}
        answer = pool.submit(httpx.post, f"http://127.0.0.1:{pod.port}{CHAT}", json=body, timeout=30)
        wait_for(lambda: {each["id"] for each in simulator.requests()} - known or None, what="the request")
        ending = pod.pre_stop()
        wait_for(lambda: not pod.ready() or None, what="the probe to find it draining")
        assert (answer.done(), ending.poll()) == (False, None)
        assert answer.result(20).status_code == 200
        assert ending.wait(10) == 0


@pytest.mark.parametrize(
    ("mode", "address", "output"),
    [
        ("sidecar", "aigw-aigw-extproc:80", "Hello! You said: Say hello.\n"),
        ("service", "aigw-aigw-extproc-processor:{port}", "serving\n"),
    ],
)
def test_helm_test_works(helm4: Helm, simulator: RunningSimulator, mode: str, address: str, output: str) -> None:
    with running_pod(helm4, simulator, mode=mode) as pod:
        (_, flag), (script,) = pod.test["command"], pod.test["args"]
        localised = script.replace(address.format(port=pod.port), f"127.0.0.1:{pod.port}")
        done = subprocess.run([sys.executable, flag, localised], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, output), done.stderr
    assert localised != script
