"""The containers of a pod as processes: the processor that reads the API, Envoy's configuration, and Envoy."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.envoy_config.running import RunningEnvoy, running_envoy, wait_for
from tests.gateway.running import CHAT, RunningProcessor, question, running_processor
from tests.kubernetes.documents import GATEWAY
from tests.kubernetes.running import Cluster


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A running gateway that reads its configuration from an API."""

    envoy: RunningEnvoy
    processor: RunningProcessor
    client: httpx.Client
    published: Path

    def status(self, model: str, **headers: str) -> int:
        return self.chat(model, **headers).status_code

    def chat(self, model: str, **headers: str) -> httpx.Response:
        return self.client.post(CHAT, json=question(model), headers=headers)

    def until(self, status: int, model: str, *, seconds: float = 30, **headers: str) -> float:
        """Wait for the status of a model's requests, and return how long that took."""
        begun = time.monotonic()
        reached = lambda: True if self.status(model, **headers) == status else None  # noqa: E731
        wait_for(reached, what=f"status {status} for {model}", seconds=seconds)
        return time.monotonic() - begun


@contextlib.contextmanager
def running_pod(cluster: Cluster, folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Pod]:
    """Start the processes of a pod. `folder` has a short path, since there are sockets in it."""
    publish, config = folder / "run", folder / "config"
    publish.mkdir()
    config.mkdir()
    reading = (
        *("--kubernetes", "--gateway", f"{cluster.namespace}/{GATEWAY}", "--kubeconfig", str(cluster.kubeconfig)),
        *("--publish", str(publish), "--listen", f"unix://{folder}/p.sock", "--reload-lag", "1"),
    )
    published = publish / "gateway.json"
    with (
        running_processor(folder, *reading, environment=environment) as processor,
        _writing(published, folder, config),
        running_envoy((config / "envoy.yaml").read_text(), folder, folder / "admin.sock") as envoy,
        httpx.Client(base_url=envoy.url, timeout=30) as client,
    ):
        yield Pod(envoy=envoy, processor=processor, client=client, published=published)


@contextlib.contextmanager
def _writing(published: Path, folder: Path, config: Path) -> Iterator[None]:
    """Run `envoy-config --write-to`."""
    command = (
        *(sys.executable, "-m", "aigw_extproc", "envoy-config", "--published", str(published)),
        *("--processor", f"unix://{folder}/p.sock", "--admin", f"unix://{folder}/admin.sock", "--port", "0"),
        *("--write-to", str(config)),
    )
    with (folder / "envoy-config.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: (config / "envoy.yaml").exists() or None, what="Envoy's configuration", seconds=90)
        yield
    finally:
        process.terminate()
        process.wait(30)
