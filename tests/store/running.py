"""A Redis server of a test's own, where the machine has one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.envoy_config.running import wait_for

REDIS = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(REDIS is None, reason="there is no redis-server here")


@contextmanager
def running_redis(socket_path: Path | None = None) -> Iterator[str]:
    """Start a server on a unix socket, in a folder of its own if no path is given; yields its URL."""
    with tempfile.TemporaryDirectory(prefix="aigw-") as folder:
        path = socket_path or Path(folder) / "redis.sock"
        command = [REDIS or "", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: _accepts(path), what="Redis")
            yield f"unix://{path}"
        finally:
            process.terminate()
            process.wait(10)


def _accepts(path: Path) -> bool | None:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0 or None
