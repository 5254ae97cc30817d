"""An explanation against what really arrives: a sample of the golden requests, through Envoy."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc.config.files.load import load
from aigw_extproc.explain.explain import Setting, explain
from aigw_extproc.explain.outgoing import HIDDEN
from aigw_extproc.explain.request import client_request
from aigw_extproc.routing import Router
from tests.gateway.running import Gateway, question
from tests.translate import goldens
from tests.translate.goldens import Pair

SAMPLE = 40
SERVED = re.compile(r"(us\.)?(amazon|anthropic|deepseek|mistral|openai)\.")
NOT_EXPLAINED = {"x-amz-date", "x-request-id"}  # of the moment
BY_ENVOY = {"x-envoy-expected-rq-timeout-ms", "transfer-encoding", "connection", "x-forwarded-for"}


def sample() -> list[Any]:
    """Every nth golden of what the shared gateway's backends speak, that is sent at all."""
    found = [
        (pair, case)
        for pair in goldens.PAIRS
        for case in goldens.cases("requests", pair)
        if pair.schema == "AWSBedrock" and is_sent(goldens.read(case))
    ]
    return [pytest.param(*one, id=f"{one[0]}-{one[1].stem}") for one in found[:: len(found) // SAMPLE]]


def is_sent(golden: dict[str, Any]) -> bool:
    """Whether the shared gateway sends it without fetching anything."""
    elsewhere = {"error", "media_needed", "fetched"} & golden.keys()
    return not elsewhere and SERVED.match(golden["request"]["model"]) is not None


@pytest.mark.parametrize(("pair", "case"), sample())
def test_what_is_explained_is_what_the_simulator_received(gateway: Gateway, pair: Pair, case: Path) -> None:
    golden = goldens.read(case)
    data = json.dumps(golden["request"]).encode()
    compare(gateway, data, pair.path, golden.get("headers", {}))


def test_the_operators_changes(gateway: Gateway) -> None:
    compare(gateway, json.dumps(question("mutated")).encode(), "/v1/chat/completions", {})


def compare(gateway: Gateway, data: bytes, path: str, headers: dict[str, str]) -> None:
    """Send a request, and compare what the simulator received with what is explained."""
    named = {"content-type": "application/json", **headers}
    response = gateway.client.post(path, content=data, headers=named)
    received = gateway.received(response)
    router = Router(load([gateway.resources]).snapshot)
    request = client_request(data, path=path, headers=headers.items())
    (report,) = explain(router, request, Setting(now=time.time(), keeps=False)).backends
    (sent,) = report.requests
    assert (sent.method, sent.path) == (received["method"], received["path"])
    assert bytes(sent.body) == received["body"].encode()
    explained = {header.name: header.value for header in sent.headers if header.name not in NOT_EXPLAINED}
    arrived = {name: value for name, value in received["headers"] if name not in NOT_EXPLAINED | BY_ENVOY | {"host"}}
    assert set(explained) == set(arrived)
    assert {name: value for name, value in explained.items() if value != HIDDEN} == {
        name: value for name, value in arrived.items() if explained[name] != HIDDEN
    }
    assert [sent.host] == [value for name, value in received["headers"] if name == "host"]
