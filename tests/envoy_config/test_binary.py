"""Tests for aigw_extproc.envoy.binary."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from aigw_extproc.envoy.binary import EnvoyNotFound, find_envoy


def not_installed(name: str) -> None:
    raise metadata.PackageNotFoundError(name)


def test_the_wheels_binary_is_found_although_protobuf_packages_share_its_name() -> None:
    assert "envoy  version" in subprocess.check_output([find_envoy(), "--version"], text=True)


def test_without_the_wheel_the_path_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    envoy = tmp_path / "envoy"
    envoy.touch(mode=0o755)
    monkeypatch.setattr(metadata, "files", not_installed)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_envoy() == envoy


def test_without_either_the_error_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "files", not_installed)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvoyNotFound) as raised:
        find_envoy()
    assert str(raised.value) == "no Envoy found: install aigw-extproc[local], or put an `envoy` on the PATH"
