"""The user guide's own failover files, with their Backends pointed at ports of this machine, in clear."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from aigw_extproc.simulator.settings import Settings
from tests.envoy_config.running import Handler, Upstream, running_upstream
from tests.gateway.conftest import NewGateway
from tests.gateway.resources import Document
from tests.gateway.test_guide_files import GUIDE, KEY_ID, MODEL, SECRET
from tests.simulator.running import RunningSimulator, running_simulator

BASE, POLICY = (GUIDE.with_name(f"provider_fallback-{name}.yaml") for name in ("base", "fallback"))
FAILING = "provider-fallback-always-failing-upstream"

pytestmark = pytest.mark.skipif(not BASE.is_file(), reason=f"the user guide's files are not at {BASE.parent}")


def documents(failing: int, bedrock: int, *, policy: bool) -> list[Document]:
    text = BASE.read_text() + ("---\n" + POLICY.read_text() if policy else "")
    resources = [one for one in yaml.safe_load_all(text) if one and one["kind"] != "BackendTLSPolicy"]
    for one in resources:
        if one["kind"] == "Backend":
            port = failing if one["metadata"]["name"] == FAILING else bedrock
            one["spec"]["endpoints"] = [{"ip": {"address": "127.0.0.1", "port": port}}]
    return resources


@pytest.fixture(scope="module")
def account() -> Iterator[RunningSimulator]:
    """A simulator that knows the file's access key."""
    with running_simulator(Settings(credentials={KEY_ID: SECRET})) as running:
        yield running


@pytest.fixture
def first() -> Iterator[Upstream]:
    with running_upstream() as upstream:
        yield upstream


def answering(upstream: Upstream, status: int) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response_only(status)
        handler.send_header("content-length", "0")
        handler.end_headers()

    upstream.reset(answer)


@pytest.mark.parametrize(
    ("policy", "expected"), [(False, {429: 200, 503: 200, 500: 500}), (True, {429: 429, 503: 503, 500: 200})]
)
def test_what_fails_over(
    new_gateway: NewGateway, account: RunningSimulator, first: Upstream, policy: bool, expected: dict[int, int]
) -> None:
    gateway = new_gateway(*documents(first.port, account.port, policy=policy), simulator=account)
    for status, of_client in expected.items():
        answering(first, status)
        for stream in (False, True):
            response = gateway.chat(MODEL, stream=stream)
            assert (status, response.status_code) == (status, of_client)
