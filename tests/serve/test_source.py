"""Where a configuration comes from, and how a child is told the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigw_extproc.aws.identity import Credentials, DefaultChain
from aigw_extproc.config.files.load import load
from aigw_extproc.config.snapshot import Address, AwsAuth, Backend
from aigw_extproc.errors import ConfigError
from aigw_extproc.serve.source import ConfigurationSource
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY

EXAMPLES = Path(__file__).parents[2] / "examples"


def backend(source: ConfigurationSource) -> Backend:
    """The only one of a source that takes any model."""
    (rule,) = source.load().snapshot.rules
    assert rule.matches == ()
    (only,) = rule.backends
    return only


def test_files() -> None:
    paths = (EXAMPLES / "aws.yaml", EXAMPLES / "simulator.yaml")
    assert ConfigurationSource(paths=paths).load() == load(paths)


def test_a_region() -> None:
    found = backend(ConfigurationSource(region="eu-west-1"))
    assert found.upstream.host == "bedrock-runtime.eu-west-1.amazonaws.com"
    assert found.auth == AwsAuth(region="eu-west-1", source=DefaultChain())


@pytest.mark.parametrize("where", ["127.0.0.1", "::1"])
def test_a_simulator(where: str) -> None:
    found = backend(ConfigurationSource(simulator=f"[{where}]:8091" if ":" in where else f"{where}:8091"))
    assert found.upstream.addresses == (Address(host=where, port=8091),)
    assert found.upstream.tls is None
    credentials = Credentials(access_key_id=DEMO_ACCESS_KEY_ID, secret_access_key=DEMO_SECRET_ACCESS_KEY)
    assert found.auth == AwsAuth(region="us-east-1", source=credentials)


def test_what_is_wrong_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigError) as raised:
        ConfigurationSource(region="moon").load()
    assert str(raised.value) == "command line: --region: 'moon' is not an AWS region, such as us-east-1"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (ConfigurationSource(paths=(Path("a.yaml"), Path("b"))), ["a.yaml", "b"]),
        (ConfigurationSource(region="us-east-1"), ["--region", "us-east-1"]),
        (ConfigurationSource(simulator="127.0.0.1:1"), ["--simulator", "127.0.0.1:1"]),
    ],
    ids=["files", "region", "simulator"],
)
def test_a_child_is_told_the_same(source: ConfigurationSource, words: list[str]) -> None:
    assert list(source.arguments()) == words
