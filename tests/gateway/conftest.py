"""One gateway for all tests that leave its configuration as it is, and the means to start others."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from aigw_extproc.extproc.transport import TRANSPORTS, Transport
from tests.envoy_config.running import Upstream, refused_port, running_upstream
from tests.gateway.resources import Document, backend, buffer_limit, ref, route, rule
from tests.gateway.running import Gateway, running_gateway
from tests.simulator.running import RunningSimulator, running_simulator

NewGateway = Callable[..., Gateway]
"""Starts a gateway for some documents."""

LIMIT = 12 * 1024 * 1024
"""Bytes of a body that the shared gateway accepts."""
SDK_OPTIONS: Any = {"api_key": "client-key", "max_retries": 0, "timeout": 20}
NOVA = "us.amazon.nova-micro-v1:0"


def shared_documents(bedrock: int, refused: int, elsewhere: int) -> list[Document]:
    """What the shared gateway serves. Any model is served under one host only, so that elsewhere some are unknown."""
    removed, set_field = {"remove": ["inferenceConfig"]}, {"path": "requestMetadata", "value": '{"team":"a"}'}
    headers = {"set": [{"name": "X-Team", "value": "a"}], "remove": ["User-Agent"]}
    weighted = rule(ref(to="weighted.a", weight=3), ref(to="weighted.b"), ref(to="weighted.c", weight=0), model="dice")
    return [
        route(
            "models",
            {**rule(ref(), model=NOVA), "modelsOwnedBy": "Amazon", "modelsCreatedAt": "2024-12-03T00:00:00Z"},
            rule(ref(to=NOVA), model="nova"),
            rule(ref(to="premium.nova"), model="nova", x_tier="premium"),
            rule(ref(headerMutation=headers, bodyMutation={**removed, "set": [set_field]}), model="mutated"),
            weighted,
            rule(ref("refused"), model="refused"),
            rule(ref("forger"), model="forger"),
            rule(ref("elsewhere"), model="elsewhere"),
            rule(ref(), model=r"~(us\.)?(amazon|anthropic|deepseek|mistral|openai)\..*"),
            rule(ref(), model=r"~simulator\..*"),
        ),
        route("any", rule(ref(to="catch.all")), hostnames=("any.example",)),
        *backend("bedrock", bedrock),
        *backend("refused", refused),
        *backend("elsewhere", elsewhere),
        *backend("forger", bedrock, secret="wrong-secret"),
        buffer_limit(str(LIMIT)),
    ]


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture(scope="session")
def shared_elsewhere() -> Iterator[Upstream]:
    with running_upstream() as running:
        yield running


@pytest.fixture
def elsewhere(shared_elsewhere: Upstream) -> Upstream:
    """What answers for the model `elsewhere` of the shared gateway, in words that the test chooses."""
    shared_elsewhere.reset()
    return shared_elsewhere


@pytest.fixture(scope="session", params=TRANSPORTS)
def gateway(
    simulator: RunningSimulator, shared_elsewhere: Upstream, request: pytest.FixtureRequest
) -> Iterator[Gateway]:
    """The shared gateway, on each transport. Whatever the tests do to it, it meets no defect of ours, and comes to
    rest."""
    with tempfile.TemporaryDirectory(prefix="aigw-") as name, refused_port() as refused:
        documents = shared_documents(simulator.port, refused, shared_elsewhere.port)
        with running_gateway(documents, simulator=simulator, folder=Path(name), transport=request.param) as running:
            yield running
            running.wait_until_idle()
            assert running.processor.metric("aigw_defects_total") == 0


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Transport:
    """For gateways that a test starts itself: each transport."""
    chosen: Transport = request.param
    return chosen


@contextmanager
def starting(simulator: RunningSimulator) -> Iterator[NewGateway]:
    """Starts gateways, and stops them at the end."""
    with ExitStack() as stack:

        def start(*documents: Document, **options: Any) -> Gateway:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aigw-")))
            options.setdefault("simulator", simulator)
            return stack.enter_context(running_gateway(documents, folder=folder, **options))

        yield start


@pytest.fixture
def new_gateway(simulator: RunningSimulator) -> Iterator[NewGateway]:
    """Starts gateways that live as long as the test."""
    with starting(simulator) as start:
        yield start


@pytest.fixture(scope="module")
def start_gateway(simulator: RunningSimulator) -> Iterator[NewGateway]:
    """Starts gateways that live as long as the module's tests run."""
    with starting(simulator) as start:
        yield start


@pytest.fixture(scope="session")
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", **SDK_OPTIONS) as connected:
        yield connected


@pytest.fixture
async def async_client(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", **SDK_OPTIONS) as connected:
        yield connected


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows the ends of the logs with a test that failed."""
    report = yield
    running = getattr(item, "funcargs", {}).get("gateway")
    if report.failed and isinstance(running, Gateway):
        for name, log in (("processor", running.processor.log), ("envoy", running.envoy.log)):
            report.sections.append((f"end of the {name}'s log", "\n".join(log.read_text().splitlines()[-30:])))
    return report
