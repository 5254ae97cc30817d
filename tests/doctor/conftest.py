"""STS by moto, a simulator, and an environment without credentials."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.simulator.running import RunningSimulator, running_simulator


@pytest.fixture(scope="package")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def strict_sts(moto_url: str) -> Iterator[str]:
    """STS and IAM that check signatures and policies once a test has posted to `/moto-api/reset-auth`."""
    yield moto_url
    httpx.post(f"{moto_url}/moto-api/reset-auth", content="inf").raise_for_status()
    httpx.post(f"{moto_url}/moto-api/reset").raise_for_status()


@pytest.fixture(scope="package")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture(autouse=True)
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moto_url: str) -> None:
    """No source has credentials: no environment, no files, no instance metadata; STS is moto's."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_url)
