"""Bedrock's lists of models, fetched from the simulator and from servers that fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aigw_extproc.aws.identity import BearerToken, Credentials, DefaultChain
from aigw_extproc.config.snapshot import Address, AwsAuth, ModelSource, Tls, Upstream
from aigw_extproc.listed_models import ListFailed
from aigw_extproc.outbound.model_lists import fetch
from aigw_extproc.simulator.model_lists import MODELS
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY, Settings
from tests.envoy_config.certificates import authority
from tests.envoy_config.running import Handler, refused_port, running_upstream
from tests.envoy_config.running import Upstream as Server
from tests.simulator.running import RunningSimulator, running_simulator

KEYS = Credentials(access_key_id=DEMO_ACCESS_KEY_ID, secret_access_key=DEMO_SECRET_ACCESS_KEY)


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    settings = Settings(
        bearer_tokens=frozenset({"token"}),
        session_tokens={"ASIA": frozenset({"a/+=b"})},
        credentials={DEMO_ACCESS_KEY_ID: DEMO_SECRET_ACCESS_KEY, "ASIA": "secret"},
    )
    with running_simulator(settings) as running:
        yield running


@pytest.fixture
def server() -> Iterator[Server]:
    with running_upstream() as running:
        yield running


def source(port: int, host: str = "bedrock.test:1", tls: Tls | None = None) -> ModelSource:
    upstream = Upstream(cluster="c", host=host, addresses=(Address(host="127.0.0.1", port=port),), tls=tls)
    return ModelSource(upstream=upstream, auth=AwsAuth(region="us-east-1", source=DefaultChain()))


@pytest.mark.parametrize(
    "identity",
    [
        KEYS,
        Credentials(access_key_id="ASIA", secret_access_key="secret", session_token="a/+=b"),
        BearerToken(token="token"),
    ],
)
def test_every_page_is_fetched(simulator: RunningSimulator, identity: Credentials | BearerToken) -> None:
    found = [model.id for model in fetch(source(simulator.port), identity)]
    expected = {f"{prefix}.{model.id}" for model in MODELS for prefix in model.profiles}
    assert set(found) == expected | {model.id for model in MODELS if model.on_demand}
    assert found[:2] == ["us.anthropic.claude-fable-5-1", "global.anthropic.claude-fable-5-1"]


def test_a_refusal_is_told_by_the_name_of_its_error(simulator: RunningSimulator) -> None:
    wrong = Credentials(access_key_id=DEMO_ACCESS_KEY_ID, secret_access_key="wrong")
    with pytest.raises(ListFailed) as raised:
        fetch(source(simulator.port), wrong)
    assert str(raised.value) == "bedrock.test:1 answered 403 to GET /foundation-models: InvalidSignatureException"


def test_a_port_where_nobody_listens() -> None:
    with refused_port() as port, pytest.raises(ListFailed, match=r"^it cannot be reached: .*refused"):
        fetch(source(port), KEYS)


def test_an_answer_that_is_no_list(server: Server) -> None:
    server.answer = lambda handler: _answer(handler, b"<html>")
    with pytest.raises(ListFailed, match=r"^bedrock\.test:1 answered GET /foundation-models with something else"):
        fetch(source(server.port), KEYS)


def test_pages_without_end_come_to_one(server: Server) -> None:
    def answer(handler: Handler) -> None:
        models = b'{"modelSummaries":[]}'
        page = b'{"inferenceProfileSummaries":[],"nextToken":"again"}'
        _answer(handler, models if handler.path == "/foundation-models" else page)

    server.answer = answer
    assert fetch(source(server.port), KEYS) == ()


def test_tls_is_that_of_the_upstreams_policy(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    with running_upstream(ca.server("DNS:bedrock.test")) as server:
        server.answer = lambda handler: _answer(handler, b'{"modelSummaries":[],"inferenceProfileSummaries":[]}')
        trusted = Tls(server_name="bedrock.test", ca_pem=ca.file.read_text())
        assert fetch(source(server.port, tls=trusted), KEYS) == ()
        with pytest.raises(ListFailed, match="certificate"):
            fetch(source(server.port, tls=Tls(server_name="other.test", ca_pem=ca.file.read_text())), KEYS)


def _answer(handler: Handler, body: bytes) -> None:
    handler.send_response_only(200)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
