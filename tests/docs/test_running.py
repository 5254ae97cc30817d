"""Examples marked `run` work, page by page, with the demo that `run` starts."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.running import command, environment
from tests.docs.pages import PAGES, Block, blocks
from tests.envoy_config.running import wait_for

WRITTEN = {"gateway": "127.0.0.1:1975", "operator": "127.0.0.1:1064", "simulator": "127.0.0.1:8091"}
PYTHON = {page: [block.text for block in blocks("python", note="run") if block.page == page] for page in PAGES}


@dataclass(frozen=True)
class Demonstration:
    """A running demo, with its addresses by those on the pages."""

    addresses: dict[str, str]

    def localised(self, text: str) -> str:
        for written, address in self.addresses.items():
            text = text.replace(written, address)
        return text


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    log = tmp_path_factory.mktemp("run") / "log"
    ports = free_ports(3)
    options = ("--port", str(ports[0]), "--admin-port", str(ports[1]), "--simulator-port", str(ports[2]))
    with log.open("w") as output:
        process = subprocess.Popen(command("run", *options), stdout=output, stderr=subprocess.STDOUT, env=environment())
    try:
        wait_for(lambda: ready(process, log), what="the demonstration", seconds=60)
        yield Demonstration({where: f"127.0.0.1:{port}" for where, port in zip(WRITTEN.values(), ports, strict=True)})
    finally:
        process.terminate()
        process.wait(30)


def ready(process: subprocess.Popen[bytes], log: Path) -> re.Match[str] | None:
    assert process.poll() is None, log.read_text()
    return re.search(r"^ready\.", log.read_text(), re.MULTILINE)


def free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


@pytest.mark.parametrize("page", [page for page, examples in PYTHON.items() if examples])
def test_python_runs(page: str, demonstration: Demonstration, tmp_path: Path) -> None:
    script = tmp_path / "examples.py"
    script.write_text(demonstration.localised("\n\n".join(PYTHON[page])))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, env=environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert "None" not in done.stdout.splitlines()
    assert len(done.stdout.splitlines()) >= len(re.findall(r"^ *print\(", script.read_text(), re.MULTILINE))


@pytest.mark.parametrize("block", blocks("sh", note="run"), ids=str)
def test_shell_runs(block: Block, demonstration: Demonstration) -> None:
    text = demonstration.localised(block.text)
    done = subprocess.run(["bash", "-e"], input=text, capture_output=True, text=True, timeout=60)  # noqa: S607 - PATH
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout != ""
