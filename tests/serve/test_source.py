"""Sources of a configuration, and their command line arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigw_extproc.aws.identity import Credentials, DefaultChain
from aigw_extproc.config.files import key_file
from aigw_extproc.config.files.load import load
from aigw_extproc.config.snapshot import Address, AwsAuth, Backend
from aigw_extproc.errors import ConfigError
from aigw_extproc.serve.source import ConfigurationSource
from aigw_extproc.simulator.settings import DEMO_ACCESS_KEY_ID, DEMO_SECRET_ACCESS_KEY

EXAMPLES = Path(__file__).parents[2] / "examples"


def backend(source: ConfigurationSource) -> Backend:
    """Return the only backend of a source."""
    (rule,) = source.load().snapshot.rules
    assert rule.matches == ()
    (only,) = rule.backends
    return only


def test_files() -> None:
    paths = (EXAMPLES / "aws.yaml", EXAMPLES / "simulator.yaml")
    assert ConfigurationSource(paths=paths).load() == load(paths)


def test_a_region() -> None:
    loaded = backend(ConfigurationSource(region="eu-west-1"))
    assert loaded.upstream.host == "bedrock-runtime.eu-west-1.amazonaws.com"
    assert loaded.auth == AwsAuth(region="eu-west-1", source=DefaultChain())


def test_api_keys_for_any_source(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    key_file.create(file, "laptop")
    for source in (
        ConfigurationSource(region="eu-west-1", api_keys=file),
        ConfigurationSource(simulator=Address(host="127.0.0.1", port=8091), api_keys=file),
        ConfigurationSource(paths=(EXAMPLES / "aws.yaml",), api_keys=file),
    ):
        policies = {rule.policy.name if rule.policy else None for rule in source.load().snapshot.rules}
        assert policies == {"--api-keys"}
        assert source.files == (*source.paths, file)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_simulator(host: str) -> None:
    loaded = backend(ConfigurationSource(simulator=Address(host=host, port=8091)))
    assert loaded.upstream.addresses == (Address(host=host, port=8091),)
    assert loaded.upstream.tls is None
    credentials = Credentials(access_key_id=DEMO_ACCESS_KEY_ID, secret_access_key=DEMO_SECRET_ACCESS_KEY)
    assert loaded.auth == AwsAuth(region="us-east-1", source=credentials)


def test_an_unknown_region() -> None:
    with pytest.raises(ConfigError) as raised:
        ConfigurationSource(region="moon").load()
    assert str(raised.value) == "command line: --region: 'moon' is not an AWS region, such as us-east-1"


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        (ConfigurationSource(paths=(Path("a.yaml"), Path("b"))), ["a.yaml", "b"]),
        (ConfigurationSource(region="us-east-1"), ["--region", "us-east-1"]),
        (
            ConfigurationSource(region="us-east-1", api_keys=Path("k.yaml")),
            ["--api-keys", "k.yaml", "--region", "us-east-1"],
        ),
        (ConfigurationSource(simulator=Address(host="127.0.0.1", port=1)), ["--simulator", "127.0.0.1:1"]),
        (ConfigurationSource(simulator=Address(host="::1", port=1)), ["--simulator", "[::1]:1"]),
    ],
    ids=["files", "region", "API keys", "simulator", "simulator on IPv6"],
)
def test_arguments_for_a_child(source: ConfigurationSource, arguments: list[str]) -> None:
    assert list(source.arguments()) == arguments
