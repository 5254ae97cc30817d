"""The gateway of the programs: `aigw-extproc run` against a simulator, and what both say about a program's requests."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.envoy_config.running import wait_for
from tests.gateway.resources import backend, ref, route, rule, write
from tests.simulator.running import RunningSimulator, running_simulator

TOKENS = "gen_ai_client_token_usage_token"
ANNOTATIONS = {"aigw-extproc/anthropic-names": "true", "aigw-extproc/cache-points": "tools, system, turns"}


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What happened since another moment."""

    exchanges: list[dict[str, Any]]
    """Lines of the access log."""
    requests: list[dict[str, Any]]
    """What the simulator received."""
    cached_tokens: float

    @property
    def starts(self) -> list[datetime]:
        """When the requests to the model began."""
        return [datetime.fromisoformat(line["time"]) for line in self.exchanges if line["aws_request_id"]]


@dataclass(kw_only=True)
class AgentsGateway:
    """A running gateway."""

    client: httpx.Client
    admin: httpx.Client
    simulator: RunningSimulator
    log: Path
    lines: int = 0
    known: frozenset[str] = frozenset()
    cached: float = 0

    @property
    def url(self) -> str:
        return str(self.client.base_url).rstrip("/")

    def observe(self) -> Observation:
        """Return what happened since the last call."""
        lines = self._access_log()
        new = [request for request in self.simulator.requests() if request["id"] not in self.known]
        cached = self._cached_tokens()
        seen = Observation(exchanges=lines[self.lines : -1], requests=new, cached_tokens=cached - self.cached)
        self.lines, self.cached = len(lines), cached
        self.known |= {request["id"] for request in new}
        return seen

    def _access_log(self) -> list[dict[str, Any]]:
        """Return all lines up to that of a request of our own, the last of them."""
        mark = self.client.get("/v1/models").headers["x-request-id"]
        return wait_for(lambda: self._lines_until(mark), what="the access log")

    def _lines_until(self, mark: str) -> list[dict[str, Any]] | None:
        lines = [line.removeprefix("envoy: ") for line in self.log.read_text().splitlines()]
        exchanges = [json.loads(line) for line in lines if line.startswith('{"api_client"')]
        position = next((index for index, line in enumerate(exchanges) if line["request_id"] == mark), None)
        return None if position is None else exchanges[: position + 1]

    def _cached_tokens(self) -> float:
        text = self.admin.get("/metrics").text.splitlines(keepends=True)
        families = text_string_to_metric_families("".join(line for line in text if line.startswith(f"{TOKENS}_sum")))
        samples = [sample for family in families for sample in family.samples]
        return sum(s.value for s in samples if s.labels["gen_ai_token_type"] == "cached_input")


@contextlib.contextmanager
def agents_gateway() -> Iterator[AgentsGateway]:
    """Start simulator and gateway on free ports; stop them at the end."""
    with running_simulator() as simulator, tempfile.TemporaryDirectory(prefix="aigw-") as name:
        folder = Path(name)
        documents = route("agents", rule(ref())), *backend("bedrock", simulator.port, annotations=ANNOTATIONS)
        resources = write(folder / "resources.yaml", *documents)
        log = folder / "run.log"
        port, admin_port = free_ports()
        arguments = (str(resources), "--port", str(port), "--admin-port", str(admin_port))
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "aigw_extproc", "run", *arguments], stdout=output, stderr=subprocess.STDOUT
            )
        try:
            wait_for(lambda: _ready(process, log), what="the gateway", seconds=40)
            with (
                httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
                httpx.Client(base_url=f"http://127.0.0.1:{admin_port}") as admin,
            ):
                gateway = AgentsGateway(client=client, admin=admin, simulator=simulator, log=log)
                gateway.observe()
                yield gateway
        finally:
            process.terminate()
            process.wait(20)


def free_ports() -> tuple[int, int]:
    """Return two ports that are free now."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _ready(process: subprocess.Popen[bytes], log: Path) -> bool | None:
    text = log.read_text()
    if process.poll() is not None:
        raise RuntimeError(text)
    return "\nready. Try:" in text or None
