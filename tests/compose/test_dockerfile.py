"""The Dockerfile itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_it_has_no_lint() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_processor_is_what_is_built_by_default() -> None:
    assert re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)[-1] == "aigw-extproc"


def test_it_is_built_from_what_the_context_has() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    assert {name for names in copied for name in names.split()} == {
        line[1:] for line in ignored if line.startswith("!")
    }
