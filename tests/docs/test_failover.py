"""The recipes of the failover page work: the first backend is throttled, and the second answers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY, Settings
from tests.docs.pages import blocks
from tests.docs.test_blocks import base, named
from tests.envoy_config.running import Handler, Upstream, running_upstream
from tests.gateway.running import Gateway, running_gateway
from tests.simulator.running import RunningSimulator, running_simulator

REGIONS, ACCOUNTS, PROVIDERS = blocks("yaml", note="recipe")
DEMO = {"AWS_ACCESS_KEY_ID": DEMO_ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": DEMO_SECRET_ACCESS_KEY}


def throttle(handler: Handler) -> None:
    """Refuse the first account and the first region only."""
    handler.send_response_only(429)
    handler.send_header("content-length", "0")
    handler.end_headers()


@pytest.fixture
def first() -> Iterator[Upstream]:
    with running_upstream() as upstream:
        upstream.reset(throttle)
        yield upstream


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        yield Path(name)


def documents(recipe: Any, **ports: int) -> list[dict[str, Any]]:
    """A recipe and what it is added to, with its Backends at ports of this machine, in clear."""
    resources = {**base(), **named(recipe)}
    for name, port in ports.items():
        backend = resources["Backend", name.replace("_", "-")]
        backend["spec"]["endpoints"] = [{"ip": {"address": "127.0.0.1", "port": port}}]
    return [one for one in resources.values() if one["kind"] != "BackendTLSPolicy"]


def answer(gateway: Gateway) -> dict[str, Any]:
    response = gateway.chat("nova")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def test_regions(first: Upstream, folder: Path) -> None:
    demo = {DEMO_ACCESS_KEY_ID: DEMO_SECRET_ACCESS_KEY}
    with running_simulator(Settings(region="eu-west-1", credentials=demo)) as europe:
        resources = documents(REGIONS, bedrock=first.port, bedrock_europe=europe.port)
        with running_gateway(resources, simulator=europe, folder=folder, environment=DEMO) as gateway:
            assert answer(gateway)["choices"][0]["message"]["content"] == "Hello! You said: Hello!"
            assert europe.requests()[-1]["path"] == "/model/eu.amazon.nova-micro-v1%3A0/converse"
    assert len(first.received) == 1


def test_accounts(folder: Path) -> None:
    """The account that the first key belongs to is unknown to the simulator, which stands for AWS."""
    account = Settings(credentials={"OTHER_ACCESS_KEY_ID": "OTHER_SECRET_ACCESS_KEY"})
    with running_simulator(account) as bedrock:
        resources = [*documents(ACCOUNTS, bedrock=bedrock.port), _also_after_403()]
        with running_gateway(resources, simulator=bedrock, folder=folder, environment=DEMO) as gateway:
            assert answer(gateway)["choices"][0]["message"]["content"] == "Hello! You said: Hello!"
            statuses = [entry["status"] for entry in bedrock.requests()]
    assert statuses == [403, 200]


def _also_after_403() -> dict[str, Any]:
    retry = {"retryOn": {"triggers": ["retriable-status-codes"], "httpStatusCodes": [401, 403]}}
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "models"}
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "BackendTrafficPolicy",
        "metadata": {"name": "models"},
        "spec": {"targetRefs": [target], "retry": retry},
    }


def test_providers(first: Upstream, folder: Path, simulator: RunningSimulator) -> None:
    with running_upstream() as own:
        resources = documents(PROVIDERS, bedrock=first.port, own_models=own.port)
        with running_gateway(resources, simulator=simulator, folder=folder, environment=DEMO) as gateway:
            assert answer(gateway) == {"answer": True}
        (received,) = own.received
    assert dict(received.headers)["authorization"] == "Bearer YOUR_API_KEY"
    assert b'"model":"llama"' in received.body


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running
