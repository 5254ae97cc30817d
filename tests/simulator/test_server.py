"""The simulator in its own process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import httpx
import pytest

from aigw_extproc.simulator.server import serve
from aigw_extproc.simulator.settings import Settings
from tests.simulator.running import running_simulator

PROGRAM = """
from aigw_extproc.simulator.server import run
from aigw_extproc.simulator.settings import Settings
run("127.0.0.1", 0, Settings(), on_ready=lambda port: print(port, flush=True))
print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert httpx.get(f"http://127.0.0.1:{port}/simulator/health").status_code == 200
        process.send_signal(number)
        assert (process.stdout.read(), process.wait(timeout=10)) == ("stopped\n", 0)


async def test_a_busy_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="Address already in use"):
        await serve("127.0.0.1", taken.getsockname()[1], Settings())


def test_a_stop_frees_the_port_while_a_client_is_connected() -> None:
    with running_simulator() as simulator:
        client = httpx.Client()
        client.get(f"{simulator.url}/simulator/health")
    with socket.create_server(("127.0.0.1", simulator.port)):
        client.close()
