"""Coverage-guided fuzzing, with atheris: `make fuzz`, or `python -m tests.fuzz request -max_total_time=600`.

Arguments after the target go to libFuzzer. Inputs with new coverage are kept in `.fuzz/`, failing ones as `crash-…`:
add those to `tests/fuzz/corpus`, which every test run reads.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["aigw_extproc"]):
    from tests.fuzz.targets import CORPUS, TARGETS

SECONDS = 60


def main() -> None:
    target, *options = sys.argv[1:]
    found = Path(".fuzz") / target
    found.mkdir(parents=True, exist_ok=True)

    def run(data: bytes) -> None:
        for check in TARGETS[target]:
            check(data)

    places = [str(found), str(CORPUS / target), f"-artifact_prefix={found}/"]
    atheris.Setup([sys.argv[0], *places, f"-max_total_time={SECONDS}", *options], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
