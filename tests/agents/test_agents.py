"""Some of the programs, which install in seconds, at a task of five turns; the others run with `make agents`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agents import folders, matrix, results
from tests.agents.folders import CannotInstall
from tests.agents.gateway import AgentsGateway, agents_gateway
from tests.agents.program import script
from tests.agents.programs import BY_NAME, PROGRAMS
from tests.agents.run import run
from tests.agents.scenarios import BY_NAME as SCENARIOS
from tests.agents.scenarios import problems

QUICK = (
    "openai-python-chat",
    "openai-python-responses",
    "openai-node-chat",
    "anthropic-python",
    "anthropic-ts",
    "ai-sdk-responses",
    "ai-sdk-messages",
    "codex",
)


@pytest.fixture(scope="module")
def gateway() -> Iterator[AgentsGateway]:
    with agents_gateway() as running:
        yield running


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", QUICK)
def test_a_program_does_its_task(name: str, gateway: AgentsGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "INSTALL_SECONDS", 90)  # where registries are slow, skip it rather than the others
    program = BY_NAME[name]
    try:
        folder = program.folder.install()
    except CannotInstall as error:
        pytest.skip(f"{name} cannot be installed: {error}")
    outcome = run(program, SCENARIOS["loop"], gateway, folder)
    found = [*problems(program, SCENARIOS["loop"], outcome), *problems(program, SCENARIOS["cache"], outcome)]
    assert found == [], outcome.output


def test_a_script_has_the_programs_own_tools() -> None:
    turns = ("fail throttling-1", ("Read", {"file_path": "a.py"}), "Done.")
    assert script(*turns) == 'simulator script:\nfail throttling-1\nuse Read {"file_path": "a.py"}\nsay Done.'


def test_the_page_shows_the_results() -> None:
    assert matrix.PAGE.read_text() == matrix.page()
    assert set(results.load()) <= {program.name for program in PROGRAMS}


def test_what_fails_is_explained() -> None:
    failing = {
        (name, scenario)
        for name, entry in results.load().items()
        for scenario, problem in entry["scenarios"].items()
        if problem
    }
    assert failing <= {(program.name, scenario) for program in PROGRAMS for scenario in program.fails}
