"""Tests for aigw_extproc.aws.endpoints, and that `host_region` recognises each of its hosts."""

import json
from pathlib import Path

import botocore
import pytest

from aigw_extproc.aws.endpoints import NoEndpoint, bedrock_host
from aigw_extproc.aws.names import AWS_SUFFIXES, host_region
from aigw_extproc.errors import ConfigError
from aigw_extproc.serve.source import ConfigurationSource

PARTITIONS = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())["partitions"]
REGIONS = sorted(region for one in PARTITIONS for region in one["regions"] if not region.startswith("aws-"))
FIPS, DUAL_STACK = {"AWS_USE_FIPS_ENDPOINT": "true"}, {"AWS_USE_DUALSTACK_ENDPOINT": "true"}

Environment = pytest.MonkeyPatch


@pytest.mark.parametrize(
    ("region", "variables", "host"),
    [
        ("us-east-1", {}, "bedrock-runtime.us-east-1.amazonaws.com"),
        ("us-east-1", FIPS, "bedrock-runtime-fips.us-east-1.amazonaws.com"),
        ("us-east-1", DUAL_STACK, "bedrock-runtime.us-east-1.api.aws"),
        ("us-east-1", FIPS | DUAL_STACK, "bedrock-runtime-fips.us-east-1.api.aws"),
        ("us-gov-west-1", {}, "bedrock-runtime.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", {}, "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ("cn-north-1", DUAL_STACK, "bedrock-runtime.cn-north-1.api.amazonwebservices.com.cn"),
        ("eusc-de-east-1", {}, "bedrock-runtime.eusc-de-east-1.amazonaws.eu"),
        ("us-iso-east-1", {}, "bedrock-runtime.us-iso-east-1.c2s.ic.gov"),
        ("xx-new-7", {}, "bedrock-runtime.xx-new-7.amazonaws.com"),
    ],
)
def test_hosts(environment: Environment, region: str, variables: dict[str, str], host: str) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)
    assert bedrock_host(region) == host


@pytest.mark.parametrize("variables", [{}, FIPS, DUAL_STACK, FIPS | DUAL_STACK], ids=["plain", "fips", "dual", "both"])
def test_the_region_of_every_host_is_known(environment: Environment, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)
    assert {region: host_region(bedrock_host(region)) for region in REGIONS} == {region: region for region in REGIONS}


def test_every_domain_of_aws_is_known() -> None:
    outputs = [one["outputs"] for one in PARTITIONS]
    assert {output[name] for output in outputs for name in ("dnsSuffix", "dualStackDnsSuffix")} == set(AWS_SUFFIXES)


def test_an_invalid_variable(environment: Environment) -> None:
    environment.setenv("AWS_PROFILE", "lost")
    with pytest.raises(NoEndpoint) as raised:
        bedrock_host("us-east-1")
    assert str(raised.value) == "The config profile (lost) could not be found"


def test_an_invalid_variable_is_an_error_of_the_command_line(environment: Environment) -> None:
    environment.setenv("AWS_PROFILE", "lost")
    with pytest.raises(ConfigError) as raised:
        ConfigurationSource(region="us-east-1").load()
    assert str(raised.value) == "command line: --region: The config profile (lost) could not be found"


@pytest.mark.usefixtures("environment")
def test_a_region_of_another_partition_is_reached_and_signed_for() -> None:
    backend = ConfigurationSource(region="cn-north-1").load().snapshot.rules[0].backends[0]
    assert backend.upstream.host == "bedrock-runtime.cn-north-1.amazonaws.com.cn"
    assert backend.upstream.tls is not None
    assert backend.upstream.tls.server_name == backend.upstream.host
    assert backend.auth is not None
    assert backend.auth.region == "cn-north-1"
