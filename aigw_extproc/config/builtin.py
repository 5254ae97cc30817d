"""Configurations that need no file: one region's Bedrock, and the demonstration against the simulator."""

from __future__ import annotations

from typing import Final

from aigw_extproc.aws.identity import Credentials, DefaultChain
from aigw_extproc.aws.names import is_region
from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.compile.upstreams import authority
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
from aigw_extproc.errors import ConfigError, Problem

_DEMO_REGION: Final = "us-east-1"
_OWNER: Final = "Envoy AI Gateway"


def region_configuration(region: str, host: str | None = None) -> Configuration:
    """Return a configuration for any model of Bedrock in `region`, with the AWS SDK's default credential chain.

    `host` defaults to Bedrock's public host of the commercial regions.

    Raises:
        ConfigError: `region` does not have the form of a region.
    """
    if not region:
        raise region_problem("is empty; with docker compose set AWS_REGION, such as to us-east-1")
    if not is_region(region):
        raise region_problem(f"{region!r} is not an AWS region, such as us-east-1")
    # https://docs.aws.amazon.com/general/latest/gr/bedrock.html
    host = host or f"bedrock-runtime.{region}.amazonaws.com"
    upstream = Upstream(
        cluster=f"default/bedrock-{region}",
        host=host,
        addresses=(Address(host=host, port=443),),
        tls=Tls(server_name=host),
    )
    return _any_model(upstream, AwsAuth(region=region, source=DefaultChain()), route="region")


def region_problem(message: str) -> ConfigError:
    """Return the error for a wrong `--region`."""
    return ConfigError([Problem(file="command line", resource="--region", path="", message=message)])


def demo_configuration(host: str, port: int, credentials: Credentials) -> Configuration:
    """Return a configuration for any model of the simulator, over plain HTTP, signed with `credentials`."""
    upstream = Upstream(
        cluster="default/simulator",
        host=authority(host, port, tls=False),
        addresses=(Address(host=host, port=port),),
    )
    return _any_model(upstream, AwsAuth(region=_DEMO_REGION, source=credentials), route="demo")


def _any_model(upstream: Upstream, auth: AwsAuth, *, route: str) -> Configuration:
    backend = Backend(
        name=f"{upstream.cluster}/route/{route}/rule/0/ref/0",
        schema=Schema(name="AWSBedrock"),
        upstream=upstream,
        auth=auth,
        settings=BackendSettings(anthropic_names=True),
    )
    rule = Rule(name=f"default/{route}/rule/0", backends=(backend,), owned_by=_OWNER, created=0)
    return Configuration(snapshot=Snapshot(rules=(rule,)))
