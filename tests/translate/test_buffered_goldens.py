"""Golden files of the endpoints without streams; the simulator checks the upstream requests too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aigw_extproc.simulator.operations import respond
from aigw_extproc.simulator.settings import Settings
from tests.simulator.signing import NOW, signed
from tests.translate import buffered_goldens as goldens


@pytest.mark.parametrize("case", goldens.cases(), ids=lambda case: f"{case.parent.stem}-{case.stem}")
def test_golden(case: Path) -> None:
    golden = goldens.read(case)
    assert goldens.translate(golden) == golden


@pytest.mark.parametrize("case", goldens.cases(), ids=lambda case: f"{case.parent.stem}-{case.stem}")
def test_the_upstream_request_is_valid(case: Path) -> None:
    upstream = goldens.read(case).get("upstream", {"bodies": []})
    for body in upstream["bodies"]:
        answer = respond(signed(body, path=upstream["path"]), Settings(clock=NOW.timestamp))
        assert answer.status == 200, json.dumps(body)


def test_there_are_goldens() -> None:
    assert len(goldens.cases()) > 20
