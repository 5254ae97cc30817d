"""Tests for aigw_extproc.doctor.network."""

from __future__ import annotations

import pytest

from aigw_extproc.config.snapshot import Address, Upstream
from aigw_extproc.doctor.network import network_notes, reach
from tests.doctor.endpoints import closed_port
from tests.simulator.running import RunningSimulator

AWS = "bedrock-runtime.us-east-1.amazonaws.com"
ENDPOINT = "private addresses: requests go to a VPC endpoint, whose policy also applies"
PROXY = "https_proxy is set: requests to STS use that proxy, Envoy and this check connect directly"


@pytest.mark.parametrize(
    ("host", "ips", "environment", "notes"),
    [
        (AWS, ("44.192.0.1",), {}, ()),
        (AWS, ("10.0.3.7", "10.0.4.7"), {}, (ENDPOINT,)),
        (AWS, ("10.0.3.7", "44.192.0.1"), {}, ()),
        ("bedrock.test", ("10.0.3.7",), {}, ()),
        (AWS, ("44.192.0.1",), {"https_proxy": "http://proxy:3128"}, (PROXY,)),
        (AWS, ("44.192.0.1",), {"https_proxy": ""}, ()),
    ],
)
def test_notes(host: str, ips: tuple[str, ...], environment: dict[str, str], notes: tuple[str, ...]) -> None:
    assert network_notes(host, ips, environment) == notes


async def test_the_first_address_that_accepts_is_the_endpoint(simulator: RunningSimulator) -> None:
    with closed_port() as closed:
        addresses = tuple(Address(host="127.0.0.1", port=port) for port in (closed, simulator.port))
        reached = await reach(Upstream(cluster="default/bedrock", host="bedrock.test", addresses=addresses))
    assert [(check.subject, check.outcome.value) for check in reached.checks if check.name == "tcp"] == [
        (f"127.0.0.1:{closed}", "failed"),
        (f"127.0.0.1:{simulator.port}", "ok"),
    ]
    assert reached.endpoint is not None
    assert reached.endpoint.port == simulator.port


async def test_a_name_of_this_machine(simulator: RunningSimulator) -> None:
    upstream = Upstream(
        cluster="default/bedrock", host="localhost", addresses=(Address(host="localhost", port=simulator.port),)
    )
    reached = await reach(upstream)
    assert [check.outcome.value for check in reached.checks] == ["ok", "ok", "skipped"]
