"""The operator's port."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.testclient import TestClient

from aigw_extproc import metrics
from aigw_extproc.serve.admin import create_app

COUNT_TWO = "from aigw_extproc import metrics; metrics.EXCHANGES.labels('tests', '200', '').inc(2)"


def client(*, ready: bool = True) -> TestClient:
    async def is_ready() -> bool:
        return ready

    return TestClient(create_app(ready=is_ready, details=lambda: {"config": {"problems": ["a", "b"]}}))


def test_it_is_alive_before_it_is_ready() -> None:
    response = client(ready=False).get("/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")


@pytest.mark.parametrize(("ready", "status"), [(False, 503), (True, 200)])
def test_readiness_is_a_status_and_details_in_json(ready: bool, status: int) -> None:
    response = client(ready=ready).get("/readyz")
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json")
    assert response.json() == {"ready": ready, "config": {"problems": ["a", "b"]}}


def test_metrics_are_in_the_text_format_of_prometheus() -> None:
    metrics.EXCHANGES.labels("tests", "418", "teapot").inc()
    response = client().get("/metrics")
    assert (response.status_code, response.headers["content-type"]) == (200, CONTENT_TYPE_LATEST)
    assert 'aigw_exchanges_total{code="teapot",operation="tests",status="418"} 1.0\n' in response.text


def test_metrics_of_several_processes_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", COUNT_TWO], env=environment, check=True)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert 'aigw_exchanges_total{code="",operation="tests",status="200"} 4.0\n' in client().get("/metrics").text


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/readyz", 405), ("GET", "/", 404)])
def test_other_methods_and_paths(method: str, path: str, status: int) -> None:
    assert client().request(method, path).status_code == status
