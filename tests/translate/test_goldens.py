"""Golden files of the translations; upstream requests are checked against Bedrock's rules too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigw_extproc.simulator import anthropic_request, rules, shapes
from tests.translate import goldens
from tests.translate.goldens import Pair


def every(kind: str) -> list[Any]:
    return [
        pytest.param(pair, case, id=f"{pair}-{case.stem}")
        for pair in goldens.PAIRS
        for case in goldens.cases(kind, pair)
    ]


@pytest.mark.parametrize(("pair", "case"), every("requests"))
def test_request(pair: Pair, case: Path) -> None:
    golden = goldens.read(case)
    inputs = {key: value for key, value in golden.items() if key in goldens.INPUTS}
    assert inputs | goldens.translate_request(golden, pair) == golden


@pytest.mark.parametrize(("pair", "case"), every("requests"))
def test_the_upstream_request_is_valid(pair: Pair, case: Path) -> None:
    golden = goldens.read(case)
    if "upstream" in golden:
        body, path = golden["upstream"]["body"], golden["upstream"]["path"]
        check(pair, body, golden["request"]["model"], path)


def check(pair: Pair, body: dict[str, Any], model: str, path: str) -> None:
    """Raise if the simulator does not accept a body."""
    if pair.operation == "InvokeModel":
        anthropic_request.parse(json.dumps(body).encode(), model)
        return
    shapes.validate(pair.operation, {"modelId": "amazon.nova-micro-v1:0", **body})
    rules.check(body, model, streamed=path.endswith("-stream"))


@pytest.mark.parametrize(("pair", "case"), every("responses"))
def test_response(pair: Pair, case: Path) -> None:
    golden = goldens.read(case)
    assert golden == golden | goldens.translate_response(golden, pair)


@pytest.mark.parametrize(("pair", "case"), every("streams"))
def test_stream(pair: Pair, case: Path) -> None:
    golden = goldens.read(case)
    assert golden == golden | goldens.translate_stream(golden, pair)


@pytest.mark.parametrize(
    ("pair", "least"),
    [(goldens.CHAT, 60), (goldens.MESSAGES, 60), (goldens.PASSED, 5), (goldens.INVOKED, 20), (goldens.RESPONSES, 30)],
    ids=str,
)
def test_there_are_goldens(pair: Pair, least: int) -> None:
    assert len(goldens.cases("requests", pair)) >= least
    assert len(goldens.cases("responses", pair)) >= min(5, least - 3)
    assert len(goldens.cases("streams", pair)) >= min(5, least - 3)
