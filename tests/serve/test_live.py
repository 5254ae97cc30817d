"""Warnings of a gateway that serves more clients than its operator may know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc.aws.identity import Credentials
from aigw_extproc.config.builtin import demo_configuration, region_configuration
from aigw_extproc.config.compile.configuration import Configuration
from aigw_extproc.config.policies import ApiKeys, Policy
from aigw_extproc.config.snapshot import Snapshot
from aigw_extproc.extproc.tls import ServerTls
from aigw_extproc.serve.live import Live
from aigw_extproc.serve.options import ServeOptions, is_loopback
from aigw_extproc.serve.source import ConfigurationSource

OPEN = region_configuration("us-east-1")
FILE = Path("unused")


def with_keys() -> Configuration:
    policy = Policy(name="p", keys=ApiKeys(clients={b"digest": "a"}))
    rules = tuple(replace(rule, policy=policy) for rule in OPEN.snapshot.rules)
    return replace(OPEN, snapshot=replace(OPEN.snapshot, rules=rules))


def options(**fields: Any) -> ServeOptions:
    source = ConfigurationSource(region="us-east-1")
    return ServeOptions(**{"source": source, "listen": "unix:///run/p.sock", "body_budget": 1, **fields})


def warned(configuration: Configuration = OPEN, **fields: Any) -> list[str]:
    """Return the options that the warnings name."""
    return [warning.split()[6] for warning in Live(configuration, options(**fields)).warnings]


@pytest.mark.parametrize("listen", ["unix:///run/p.sock", "127.0.0.1:1063", "[::1]:1063", "localhost:1063"])
def test_local_addresses_are_not_open(listen: str) -> None:
    assert warned(listen=listen) == []


@pytest.mark.parametrize("listen", ["0.0.0.0:1063", "[::]:1063", "10.1.2.3:1063", "processor.example:1063"])
def test_a_processor_that_other_machines_can_connect_to(listen: str) -> None:
    assert warned(listen=listen) == ["--listen"]
    assert warned(listen=listen, tls=ServerTls(certificate=FILE, key=FILE)) == ["--listen"]
    assert warned(listen=listen, tls=ServerTls(certificate=FILE, key=FILE, client_ca=FILE)) == []
    assert warned(listen=listen, insecure=True) == []


def test_a_gateway_that_other_machines_can_connect_to() -> None:
    assert warned(exposed=True) == ["--host"]
    assert warned(with_keys(), exposed=True) == []
    assert warned(exposed=True, insecure=True) == []


def test_the_warnings_follow_the_configuration() -> None:
    live = Live(with_keys(), options(exposed=True))
    assert live.details()["warnings"] == ()
    live.apply(OPEN)
    assert len(live.warnings) == 1


def serving(configuration: Configuration, details: list[dict[str, object]], **fields: Any) -> Live:
    live = Live(configuration, options(**fields))
    live.serving = True
    live.credentials = lambda: details
    return live


def test_readiness_may_need_credentials_until_there_were_some() -> None:
    details: list[dict[str, object]] = [{"usable": False}, {"usable": False}]
    assert serving(OPEN, details).ready
    live = serving(OPEN, details, ready_needs_credentials=True)
    assert not live.ready
    details[1]["usable"] = True
    assert live.ready
    details[1]["usable"] = False
    assert live.ready
    live.serving = False
    assert not live.ready


def test_readiness_does_not_need_credentials_that_nobody_uses() -> None:
    fixed = demo_configuration("127.0.0.1", 8091, Credentials(access_key_id="a", secret_access_key="b"))
    assert serving(fixed, [], ready_needs_credentials=True).ready
    nothing = replace(OPEN, snapshot=Snapshot(rules=()))
    live = serving(nothing, [], ready_needs_credentials=True)
    assert live.ready
    live.apply(OPEN)
    assert not live.ready


@pytest.mark.parametrize(
    ("host", "local"), [("127.8.9.1", True), ("LOCALHOST", True), ("::", False), ("a.test", False)]
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local
