"""Tests for aigw_extproc.config.builtin."""

import pytest

from aigw_extproc.aws.identity import Credentials, DefaultChain
from aigw_extproc.config.builtin import demo_configuration, region_configuration
from aigw_extproc.config.snapshot import (
    Address,
    AwsAuth,
    Backend,
    BackendSettings,
    Rule,
    Schema,
    Snapshot,
    Tls,
    Upstream,
)
from aigw_extproc.errors import ConfigError

CREDENTIALS = Credentials(access_key_id="AKID", secret_access_key="canary")


def test_region():
    host = "bedrock-runtime.eu-west-1.amazonaws.com"
    backend = Backend(
        name="default/bedrock-eu-west-1/route/region/rule/0/ref/0",
        schema=Schema(name="AWSBedrock"),
        upstream=Upstream(
            cluster="default/bedrock-eu-west-1",
            host=host,
            addresses=(Address(host=host, port=443),),
            tls=Tls(server_name=host),
        ),
        auth=AwsAuth(region="eu-west-1", source=DefaultChain()),
        settings=BackendSettings(anthropic_names=True),
    )
    rule = Rule(name="default/region/rule/0", backends=(backend,), owned_by="Envoy AI Gateway", created=0)
    assert region_configuration("eu-west-1").snapshot == Snapshot(rules=(rule,))


@pytest.mark.parametrize(
    "region", ["us-gov-west-1", "ap-southeast-4", "mx-central-1", "us-iso-east-1", "eusc-de-east-1"]
)
def test_regions_of_every_partition(region: str):
    assert region_configuration(region).snapshot.upstreams[0].cluster == f"default/bedrock-{region}"


@pytest.mark.parametrize(
    "region", ["us-esat-1", "useast1", "us-east", "US-EAST-1", "us-east-1a", "us-east-1.evil.com", "us-east-1\n"]
)
def test_invalid_region(region: str):
    with pytest.raises(ConfigError) as caught:
        region_configuration(region)
    assert str(caught.value) == f"command line: --region: {region!r} is not an AWS region, such as us-east-1"


def test_an_empty_region_of_compose():
    with pytest.raises(ConfigError) as caught:
        region_configuration("")
    assert (
        str(caught.value)
        == "command line: --region: is empty; with docker compose set AWS_REGION, such as to us-east-1"
    )


@pytest.mark.parametrize(("address", "host"), [("127.0.0.1", "127.0.0.1:8091"), ("::1", "[::1]:8091")])
def test_demo(address: str, host: str):
    (rule,) = demo_configuration(address, 8091, CREDENTIALS).snapshot.rules
    (backend,) = rule.backends
    assert (rule.matches, backend.upstream, backend.auth) == (
        (),
        Upstream(cluster="default/simulator", host=host, addresses=(Address(host=address, port=8091),)),
        AwsAuth(region="us-east-1", source=CREDENTIALS),
    )


def test_no_repr_has_credentials():
    assert "canary" not in repr(demo_configuration("127.0.0.1", 8091, CREDENTIALS))
