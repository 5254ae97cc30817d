"""Tests of the Dockerfile."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from aigw_extproc.simulator import shapes
from tests.docs.pages import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_hadolint_reports_nothing() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_processor_is_the_default_target() -> None:
    assert re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)[-1] == "aigw-extproc"


def test_the_image_keeps_the_service_models_that_the_simulator_reads() -> None:
    """Most of botocore's are removed from it."""
    assert {shapes.RUNTIME, shapes.CONTROL_PLANE} <= set(re.findall(r"! -name (\S+)", DOCKERFILE))


def test_the_context_has_exactly_the_copied_files() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    assert {name for names in copied for name in names.split()} == {
        line[1:] for line in ignored if line.startswith("!")
    }
