"""The whole gateway, as it runs in production: Envoy and the processor, each a process; behind it the simulator."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from aigw_extproc.config.files.load import load
from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.render import render, to_yaml
from aigw_extproc.serve.workers import worker_address
from aigw_extproc.tracing.options import TraceOptions
from tests.envoy_config.running import RunningEnvoy, running_envoy, wait_for
from tests.gateway.resources import Document, write
from tests.simulator.running import RunningSimulator

CHAT = "/v1/chat/completions"
DRAIN_SECONDS = 10
READY = re.compile(r"^aigw-extproc: .*ready", re.MULTILINE)
OUR_TRACE = re.compile(r"^.*File \".*/aigw_extproc/.*$", re.MULTILINE)
ADMIN = re.compile(r"operator's port: (http://\S+)")


@dataclass(frozen=True, kw_only=True)
class RunningProcessor:
    """`aigw-extproc serve`, logging at debug level into a file."""

    process: subprocess.Popen[bytes]
    log: Path
    admin: httpx.Client

    def readiness(self) -> dict[str, Any]:
        return self.admin.get("/readyz").json()

    def metric(self, name: str, **labels: str) -> float:
        """The sum over all samples with these labels."""
        lines = self.admin.get("/metrics").text.splitlines(keepends=True)
        # Only these are parsed: there are thousands of others, one for every bucket of every model.
        wanted = "".join(line for line in lines if line.startswith((f"{name} ", f"{name}{{")))
        samples = (sample for family in text_string_to_metric_families(wanted) for sample in family.samples)
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """Everything on the way of a request, and its resource file."""

    envoy: RunningEnvoy
    processor: RunningProcessor
    simulator: RunningSimulator
    resources: Path
    client: httpx.Client

    @property
    def url(self) -> str:
        return self.envoy.url

    def chat(self, model: str = "nova", text: str = "Hello!", headers: Any = None, **fields: Any) -> httpx.Response:
        """A chat completion of one user message."""
        return self.client.post(CHAT, json=question(model, text, **fields), headers=headers)

    def received(self, response: httpx.Response) -> dict[str, Any]:
        """The request that the simulator answered with this response."""
        return self.request(response.headers["x-amzn-requestid"])

    def request(self, request_id: str) -> dict[str, Any]:
        """The request that the simulator gave this id."""
        return next(entry for entry in self.simulator.requests() if entry["id"] == request_id)

    def sent(self, completion_id: str) -> dict[str, Any]:
        """The Converse request behind a completion, or the chunks of one, with this id."""
        body: dict[str, Any] = json.loads(self.request(completion_id.removeprefix("chatcmpl-"))["body"])
        return body

    def wait_until_idle(self) -> None:
        """Until no exchange is under way in the processor."""
        active = lambda: self.processor.metric("aigw_active_exchanges")  # noqa: E731 - a name for the condition
        wait_for(lambda: True if active() == 0 else None, what="the last exchange to end")


def question(model: str = "nova", text: str = "Hello!", **fields: Any) -> dict[str, Any]:
    """The body of a chat completion request."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def error(message: str, type_: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def events(body: str) -> list[Any]:
    """The data of server-sent events, `[DONE]` as itself."""
    lines = [line.removeprefix("data: ") for line in body.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


@contextlib.contextmanager
def running_gateway(
    documents: Iterable[Document],
    *,
    simulator: RunningSimulator,
    folder: Path,
    workers: int = 1,
    beside: tuple[str, ...] = (),
    message_timeout: timedelta = timedelta(seconds=10),
    idle_timeout: timedelta = timedelta(minutes=5),
    transport: str = "http2",
    secrets: Path | None = None,
    api_keys: Path | None = None,
    environment: Mapping[str, str] | None = None,
    memory_limit: int | None = None,
    body_budget: int | None = None,
    log_fields: Mapping[str, str] = MappingProxyType({}),
    traces: TraceOptions | None = None,
    trace_upstream: bool = False,
) -> Iterator[Gateway]:
    """The gateway for these resources. `folder` has a short path, since unix sockets allow for about 100 bytes.

    `beside` names sockets in `folder` that other processors are to serve. `environment` is what the processor's has
    besides, `secrets` the folder of its mounted Secrets. `memory_limit` is Envoy's, in bytes, `body_budget` a worker's.
    `log_fields` are further fields of Envoy's access log.
    """
    resources = write(folder / "resources.yaml", *documents)
    listen = f"unix://{folder}/p.sock"
    sockets = [Path(worker_address(listen, index).removeprefix("unix://")) for index in range(workers)]
    options = Options(
        listen=Address(host="127.0.0.1", port=0),
        processors=(*sockets, *(folder / name for name in beside)),
        admin=folder / "admin.sock",
        message_timeout=message_timeout,
        memory_limit=memory_limit,
        idle_timeout=idle_timeout,
        traces=traces,
    )
    config = to_yaml(render(load([resources], secrets).snapshot, options))
    config = re.sub(r"( *)time: '?%START_TIME%'?\n", lambda line: line[0] + _lines(line[1], log_fields), config)
    arguments = (
        *("--listen", listen, "--workers", str(workers), "--transport", transport),
        *("--drain-seconds", str(DRAIN_SECONDS)),
        *(("--secrets-dir", str(secrets)) if secrets else ()),
        *(("--api-keys", str(api_keys)) if api_keys else ()),
        *(("--body-budget", str(body_budget // 10**6)) if body_budget else ()),
        *(("--otlp", f"http://{traces.host}:{traces.port}") if traces else ()),
        *(("--trace-upstream",) if trace_upstream else ()),
    )
    with (
        running_processor(folder, str(resources), *arguments, environment=environment) as processor,
        running_envoy(config, folder, folder / "admin.sock") as envoy,
        httpx.Client(base_url=envoy.url, timeout=30) as client,
    ):
        yield Gateway(envoy=envoy, processor=processor, simulator=simulator, resources=resources, client=client)


@contextlib.contextmanager
def running_processor(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[RunningProcessor]:
    """Starts `serve` with these arguments; stops it at the end. Of AWS's variables it has those that are given.

    Whatever the test did to it, no exception that nobody foresaw has come out of our code. grpc tells of one of its own
    when a client goes just as its call ends.
    """
    log = folder / "processor.log"
    command = (sys.executable, "-m", "aigw_extproc", "serve", *arguments, "--admin-port", "0", "--log-level", "debug")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**inherited, **(environment or {})}
        )
    try:
        wait_for(lambda: READY.search(_alive(process, log)), what="the processor", seconds=20)
        address = wait_for(lambda: ADMIN.search(log.read_text()), what="the operator's port")
        with httpx.Client(base_url=address[1]) as admin:
            yield RunningProcessor(process=process, log=log, admin=admin)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert OUR_TRACE.findall(log.read_text()) == []


def _lines(indent: str, fields: Mapping[str, str]) -> str:
    return "".join(f"{indent}{name}: '{text}'\n" for name, text in fields.items())


def _alive(process: subprocess.Popen[bytes], log: Path) -> str:
    """What the processor has logged; an error when it has ended."""
    text = log.read_text()
    if process.poll() is not None:
        raise RuntimeError(text)
    return text
