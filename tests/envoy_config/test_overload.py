"""Envoy near its limit of memory: it refuses new requests, and recovers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from aigw_extproc.config.snapshot import Address
from aigw_extproc.envoy.options import Options
from aigw_extproc.envoy.render import render, to_yaml
from tests.envoy_config.conftest import CHAT
from tests.envoy_config.processor import Processor, forward
from tests.envoy_config.running import RunningEnvoy, running_envoy, running_upstream, wait_for
from tests.envoy_config.snapshots import snapshot, upstream

MEMORY = 128 * 1024 * 1024
BODY = 10 * 1024 * 1024


@pytest.fixture
def envoy(folder: Path, tmp_path: Path) -> Iterator[RunningEnvoy]:
    """Return an Envoy with little memory, which accepts bodies that would soon fill it."""
    with running_upstream() as server, Processor(folder / "overload.sock") as processor:
        processor.answers["request_body"] = forward("default/bedrock")
        config = snapshot(
            upstream("default/bedrock", ("127.0.0.1", server.port), host="bedrock.example"), buffer_limit=2 * BODY
        )
        options = Options(
            listen=Address(host="127.0.0.1", port=0),
            processors=(folder / "overload.sock",),
            admin=folder / "overload-admin.sock",
            memory_limit=MEMORY,
        )
        with running_envoy(to_yaml(render(config, options)), tmp_path, folder / "overload-admin.sock") as running:
            yield running


def unfinished_upload(port: int) -> socket.socket:
    """Send a body but for its last byte, and return the connection."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    head = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {BODY}\r\n\r\n"
    with suppress(OSError):  # refused by now, or reset
        connection.sendall(head.encode() + b" " * (BODY - 1))
    return connection


def heap(envoy: RunningEnvoy) -> int:
    return int(envoy.admin.get("/memory").json()["heap_size"])


def chat(envoy: RunningEnvoy, path: str = CHAT) -> httpx.Response:
    return httpx.post(envoy.url + path, json={"model": "nova"}, timeout=10)


def test_new_requests_are_refused_while_memory_is_short(envoy: RunningEnvoy) -> None:
    assert chat(envoy).status_code == 200
    peak = 0
    with ExitStack() as uploads:
        refused = None
        for _ in range(40):  # 400 MB
            uploads.enter_context(unfinished_upload(envoy.port))
            peak = max(peak, heap(envoy))
            if (response := chat(envoy)).status_code != 200:
                refused = response
                break
        assert refused is not None
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["error"]["type"] == "overloaded_error"
        anthropic = chat(envoy, "/v1/messages").json()
        assert (anthropic["type"], anthropic["error"]["type"]) == ("error", "overloaded_error")
        assert peak < MEMORY
    wait_for(lambda: chat(envoy).status_code == 200 or None, what="a request after the uploads ended")
