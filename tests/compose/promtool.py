"""Prometheus's own judge of rules and configurations."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(command), cwd=cwd, capture_output=True, text=True, timeout=100)


def find_promtool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return promtool, extracted from Debian's package if it is not installed."""
    if installed := shutil.which("promtool"):
        return Path(installed)
    folder = tmp_path_factory.mktemp("promtool")
    if shutil.which("apt-get") is None:
        pytest.skip("NOT TESTED: promtool is not installed, and there is no apt-get to download it")
    if os.geteuid() == 0:
        run("apt-get", "update")
    run("apt-get", "download", "prometheus", cwd=folder)
    for package in folder.glob("*.deb"):
        run("dpkg-deb", "--extract", package, folder)
    if not (folder / "usr/bin/promtool").exists():
        pytest.skip("NOT TESTED: promtool is not installed, and Debian's package prometheus is not available")
    return folder / "usr/bin/promtool"
