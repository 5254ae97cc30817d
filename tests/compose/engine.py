"""A Docker engine: the available one, or one that the tests start."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import ROOT
from tests.envoy_config.running import wait_for

STARTER = Path(os.environ.get("AIGW_DOCKER_UP", ROOT.parent / "shared/tools/docker-up.sh"))
"""A program that starts an engine, with the base images, in the folder that is its argument."""
LOCK = Path(tempfile.gettempdir()) / "aigw-docker.lock"


class NoEngine(Exception):
    """No engine is available, and none can be started; the text says why."""


@dataclass(frozen=True)
class Engine:
    """The environment for calls of the Docker client."""

    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def docker(self, *arguments: str, seconds: float = 60) -> str:
        """Run the client and return its standard output.

        Raises:
            AssertionError: the client failed; the text is its output.
        """
        done = subprocess.run(
            ["docker", *arguments],  # noqa: S607 - on the PATH
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    @property
    def works(self) -> bool:
        try:
            self.docker("info")
            self.docker("compose", "version")
        except (AssertionError, FileNotFoundError):
            return False
        return True


@contextmanager
def engine() -> Iterator[Engine]:
    """Yield a working engine.

    Raises:
        NoEngine: there is none.
    """
    available = Engine()
    if available.works:
        yield available
        return
    if not STARTER.exists():
        raise NoEngine(f"no Docker engine with compose is available, and {STARTER} does not exist to start one")
    if os.geteuid() != 0:
        raise NoEngine("no Docker engine with compose is available, and only root can start one")
    with LOCK.open("w") as lock, tempfile.TemporaryDirectory(prefix="aigw-docker-", ignore_cleanup_errors=True) as name:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two engines would change each other's firewall rules
        with _started(Path(name)) as started:
            yield started


@contextmanager
def _started(folder: Path) -> Iterator[Engine]:
    firewall = _forwarding()
    bridge = _has_bridge()
    try:
        done = subprocess.run(["bash", STARTER, folder], capture_output=True, text=True, timeout=400)  # noqa: S607 - on the PATH
        if done.returncode != 0:
            raise NoEngine(f"{STARTER} failed: {(done.stdout + done.stderr)[-2000:]}")
        client = {"DOCKER_HOST": f"unix://{folder}/docker.sock", "DOCKER_CONFIG": str(folder / "cfg")}
        yield Engine({**os.environ, **client})
    finally:
        _stop(folder / "dockerd.pid")
        if not bridge and _has_bridge():
            subprocess.run(["ip", "link", "delete", "docker0"], check=False)  # noqa: S607 - on the PATH
        if firewall:
            subprocess.run(["iptables", "-P", "FORWARD", firewall], check=False)  # noqa: S607 - on the PATH


def _stop(pid_file: Path) -> None:
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGTERM)
    wait_for(
        lambda: None if Path(f"/proc/{pid}").exists() and not _is_zombie(pid) else True, what="dockerd", seconds=40
    )


def _is_zombie(pid: int) -> bool:
    return ") Z " in Path(f"/proc/{pid}/stat").read_text()


def _has_bridge() -> bool:
    return Path("/sys/class/net/docker0").exists()


def _forwarding() -> str | None:
    """Return the policy for forwarded packets, which an engine changes; None without a firewall."""
    command = shutil.which("iptables")
    if command is None:
        return "ACCEPT"  # the kernel's default
    done = subprocess.run([command, "-S", "FORWARD"], capture_output=True, text=True)
    return done.stdout.split()[2] if done.returncode == 0 and done.stdout.startswith("-P FORWARD") else None
