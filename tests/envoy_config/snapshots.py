"""Snapshots to render in tests."""

from __future__ import annotations

from typing import Any

import yaml

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.snapshot import Address, AwsAuth, Backend, Rule, Schema, Snapshot, Tls, Upstream
from aigw_extproc.envoy.render import to_yaml

BEDROCK = "bedrock-runtime.us-east-1.amazonaws.com"
CANARY = Credentials(access_key_id="AKIDCANARY", secret_access_key="canary-secret", session_token="canary-token")


def upstream(
    cluster: str = "default/bedrock",
    *addresses: tuple[str, int],
    host: str = BEDROCK,
    tls: Tls | None = None,
) -> Upstream:
    where = tuple(Address(host=name, port=port) for name, port in addresses or ((host, 443),))
    return Upstream(cluster=cluster, host=host, addresses=where, tls=tls)


def snapshot(*upstreams: Upstream, **fields: Any) -> Snapshot:
    """Return a snapshot with a rule for each upstream."""
    rules = tuple(
        Rule(name=f"default/r/rule/{number}", backends=(_backend(one),), owned_by="tests", created=0)
        for number, one in enumerate(upstreams)
    )
    return Snapshot(rules=rules, **fields)


def _backend(one: Upstream) -> Backend:
    return Backend(
        name=f"{one.cluster}/route/r/rule/0/ref/0",
        schema=Schema(name="AWSBedrock"),
        upstream=one,
        auth=AwsAuth(region="us-east-1", source=CANARY),
    )


def document(message: Any) -> Any:
    """Return a message as the YAML document that Envoy reads."""
    return yaml.safe_load(to_yaml(message))
