"""Every rule of the translation as a pair on disk; what goes upstream is held against Bedrock's own rules too."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigw_extproc.simulator import rules, shapes
from tests.translate import goldens


@pytest.mark.parametrize("case", goldens.cases("requests"), ids=lambda case: case.stem)
def test_request(case: Path) -> None:
    golden = goldens.read(case)
    inputs = {key: value for key, value in golden.items() if key in goldens.INPUTS}
    assert inputs | goldens.translate_request(golden) == golden


@pytest.mark.parametrize("case", goldens.cases("requests"), ids=lambda case: case.stem)
def test_what_goes_upstream_is_what_bedrock_takes(case: Path) -> None:
    golden = goldens.read(case)
    if "upstream" in golden:
        body = golden["upstream"]["body"]
        model = golden["request"]["model"]
        streamed = golden["upstream"]["path"].endswith("-stream")
        shapes.validate("Converse", {"modelId": "amazon.nova-micro-v1:0", **body})
        rules.check(body, model, streamed=streamed)


@pytest.mark.parametrize("case", goldens.cases("responses"), ids=lambda case: case.stem)
def test_response(case: Path) -> None:
    golden = goldens.read(case)
    assert golden == golden | goldens.translate_response(golden)


@pytest.mark.parametrize("case", goldens.cases("streams"), ids=lambda case: case.stem)
def test_stream(case: Path) -> None:
    golden = goldens.read(case)
    assert golden == golden | goldens.translate_stream(golden)


def test_there_are_goldens() -> None:
    assert len(goldens.cases("requests")) > 60
    assert len(goldens.cases("responses")) > 10
    assert len(goldens.cases("streams")) > 10
