"""A shared Envoy, processor and upstream for tests that do not change the configuration."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.render import render, to_yaml
from tests.envoy_config.processor import Processor, forward
from tests.envoy_config.running import RunningEnvoy, Upstream, refused_port, running_envoy, running_upstream
from tests.envoy_config.snapshots import snapshot, upstream

BUFFER_LIMIT = 1024 * 1024
SIGNED_HOST = "bedrock.signed.example"
CHAT = "/v1/chat/completions"


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A running gateway: client, Envoy, processor and upstream."""

    envoy: RunningEnvoy
    processor: Processor
    upstream: Upstream
    client: httpx.Client

    def chat(self, content: bytes = b'{"model":"nova"}', **headers: str) -> httpx.Response:
        return self.client.post(CHAT, content=content, headers=headers)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Return a folder with a short path, since those of unix sockets are limited to 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def _gateway(folder: Path) -> Iterator[Gateway]:
    with (
        running_upstream() as server,
        refused_port() as refused,
        Processor(folder / "p.sock") as processor,
        httpx.Client(timeout=20) as client,
    ):
        clusters = snapshot(
            upstream("default/by-address", ("127.0.0.1", server.port), host=SIGNED_HOST),
            upstream("default/by-name", ("localhost", server.port), host=f"{SIGNED_HOST}:8443"),
            upstream("default/refused", ("127.0.0.1", refused), host=SIGNED_HOST),
            buffer_limit=BUFFER_LIMIT,
        )
        options = Options(
            listen=Address(host="127.0.0.1", port=0),
            processors=(processor.socket,),
            admin=folder / "admin.sock",
            message_timeout=timedelta(seconds=1),
            idle_timeout=timedelta(seconds=1.5),
        )
        with running_envoy(to_yaml(render(clusters, options)), folder, folder / "admin.sock") as envoy:
            client.base_url = envoy.url
            yield Gateway(envoy=envoy, processor=processor, upstream=server, client=client)


@pytest.fixture
def gateway(_gateway: Gateway) -> Gateway:
    """Reset the gateway: requests go to the upstream `default/by-address`, which answers 200."""
    _gateway.processor.reset(request_body=forward("default/by-address"))
    _gateway.upstream.reset()
    return _gateway
