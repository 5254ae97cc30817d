"""`serve`: errors at the start, readiness, and the end of all workers."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.cli.running import BACKEND, ROUTE, Ended, aigw, command, environment, taken_port, usage_error
from tests.envoy_config.running import wait_for

ROOT = Path(__file__).parents[2]
REFUSED = "1 problem in the configuration"


@contextmanager
def resources() -> Iterator[Path]:
    """Yield a folder of resource files, with a path short enough for unix sockets."""
    with tempfile.TemporaryDirectory(prefix="aigw-") as name:
        (Path(name) / "all.yaml").write_text(f"{ROUTE}---\n{BACKEND}")
        (Path(name) / "route.yaml").write_text(ROUTE)
        yield Path(name)


@pytest.fixture
def folder() -> Iterator[Path]:
    with resources() as name:
        yield name


def serve(folder: Path, *arguments: str) -> Ended:
    return aigw("serve", *arguments, "--admin-port", "0", cwd=folder)


@pytest.mark.parametrize("arguments", [("route.yaml",), ("nothing.yaml",), ("--region", "moon")])
def test_an_invalid_configuration_has_the_same_errors_as_check(folder: Path, arguments: tuple[str, ...]) -> None:
    expected = aigw("check", *arguments, cwd=folder)
    assert expected.err.splitlines()[-1] == REFUSED
    assert serve(folder, *arguments, "--listen", f"unix://{folder}/p.sock") == replace(expected, out="")


def test_several_workers_report_it_once(folder: Path) -> None:
    listen = f"unix://{folder}/p.sock"
    expected = aigw("check", "route.yaml", cwd=folder)
    assert serve(folder, "route.yaml", "--workers", "2", "--listen", listen) == replace(expected, out="")


def test_a_port_in_use(folder: Path) -> None:
    with taken_port() as port:
        assert serve(folder, "all.yaml", "--listen", f"127.0.0.1:{port}") == Ended(
            code=1, out="", err=f"port {port} on 127.0.0.1 is in use; choose another with --listen\n"
        )


def test_a_port_that_another_processor_shares_is_in_use(folder: Path) -> None:
    """gRPC shares ports: each processor would get half of Envoy's requests."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        expected = f"port {port} on 127.0.0.1 is in use; choose another with --listen\n"
        assert serve(folder, "all.yaml", "--listen", f"127.0.0.1:{port}").err == expected


def test_an_operators_port_in_use(folder: Path) -> None:
    with taken_port() as port:
        ended = aigw("serve", "all.yaml", "--listen", "unix:///tmp/unused", "--admin-port", str(port), cwd=folder)
    assert ended.err == f"port {port} on 127.0.0.1 is in use; choose another with --admin-port\n"


def test_a_socket_in_use(folder: Path) -> None:
    """gRPC would take it away from the process that serves on it."""
    path = folder / "p.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        ended = serve(folder, "all.yaml", "--listen", f"unix://{path}")
    assert ended == Ended(code=1, out="", err=f"the socket {path} is in use; choose another with --listen\n")


def test_the_second_workers_socket_in_use(folder: Path) -> None:
    path = folder / "p.sock-1"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        ended = serve(folder, "all.yaml", "--workers", "2", "--listen", f"unix://{folder}/p.sock")
    assert ended.err == f"the socket {path} is in use; choose another with --listen\n"


def test_a_socket_in_a_missing_folder(folder: Path) -> None:
    path = folder / "nothing" / "p.sock"
    expected = f"the socket {path} cannot be created: there is no folder {path.parent}; choose another with --listen\n"
    assert serve(folder, "all.yaml", "--listen", f"unix://{path}") == Ended(code=1, out="", err=expected)


def test_a_socket_with_too_long_a_path(folder: Path) -> None:
    path = folder / ("x" * 108)
    expected = f"the socket {path} has a path of more than 107 bytes; choose another with --listen\n"
    assert serve(folder, "all.yaml", "--listen", f"unix://{path}").err == expected


def test_a_host_without_an_address(folder: Path) -> None:
    expected = "port 1 on nowhere.invalid cannot be listened on: "
    assert serve(folder, "all.yaml", "--listen", "nowhere.invalid:1").err.startswith(expected)


@pytest.mark.parametrize("listen", ["1063", "127.0.0.1", "127.0.0.1:abc", "127.0.0.1:99999", "127.0.0.1:0"])
def test_an_invalid_address(folder: Path, listen: str) -> None:
    expected = f"Invalid value: '{listen}' is not an address: write HOST:PORT or unix:///PATH"
    assert usage_error(serve(folder, "all.yaml", "--listen", listen)) == expected


def test_a_socket_with_a_relative_path(folder: Path) -> None:
    expected = "Invalid value: 'unix:p.sock' is not an address: the path of a unix socket must be absolute"
    assert usage_error(serve(folder, "all.yaml", "--listen", "unix:p.sock")) == expected


@pytest.mark.parametrize("where", ["8091", "localhost", "localhost:x"])
def test_an_invalid_address_of_a_simulator(folder: Path, where: str) -> None:
    expected = f"Invalid value: '{where}' is not an address: write HOST:PORT or unix:///PATH"
    assert usage_error(serve(folder, "--simulator", where)) == expected


def test_a_simulator_on_a_socket(folder: Path) -> None:
    assert usage_error(serve(folder, "--simulator", "unix:///s")) == "Invalid value: a simulator listens on HOST:PORT"


@pytest.mark.parametrize("arguments", [(), ("all.yaml", "--region", "us-east-1"), ("all.yaml", "--simulator", "a:1")])
def test_no_source_or_two(folder: Path, arguments: tuple[str, ...]) -> None:
    expected = "Invalid value: give resource files or folders, or --region, or --kubernetes, and only one of them"
    assert usage_error(serve(folder, *arguments)) == expected


def test_the_former_name_of_a_transport_works_with_a_warning(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = aigw("serve", "all.yaml", "--transport", "h2corn", "--listen", listen, cwd=folder)
    assert ended.err.splitlines()[0].endswith(
        ": --transport h2corn is now http2; the next minor version will refuse the old name"
    )


def test_an_unknown_log_level(folder: Path) -> None:
    assert "'loud' is not one of" in usage_error(serve(folder, "all.yaml", "--log-level", "loud"))


# --- running ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def admin(self, path: str) -> httpx.Response:
        return httpx.get(re.findall(r"operator's port: (\S+)", self.log)[0] + path)

    def running_workers(self) -> int:
        """Return the number in /readyz."""
        number: int = self.admin("/readyz").json()["workers_running"]
        return number

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return list(map(int, children.read_text().split()))


@contextmanager
def serving(folder: Path, workers: int, *more: str, source: tuple[str, ...] = ("all.yaml",)) -> Iterator[Running]:
    arguments = ("--listen", f"unix://{folder}/p.sock", "--admin-port", "0", "--drain-seconds", "5")
    started = command("serve", *source, *arguments, "--workers", str(workers), *more)
    variables = environment(AWS_EC2_METADATA_DISABLED="true", AWS_SHARED_CREDENTIALS_FILE=str(folder / "credentials"))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(started, cwd=folder, env=variables, stdout=log, stderr=subprocess.STDOUT)
    running = Running(process, folder)
    try:
        wait_for(lambda: re.search("^aigw-extproc: .*ready", running.log, re.MULTILINE), what="serve", seconds=30)
        yield running
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two workers"])
def shared(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Share a process between tests that do not change it."""
    with resources() as folder, serving(folder, request.param) as running:
        yield running


@pytest.fixture(params=[1, 2], ids=["one process", "two workers"])
def running(folder: Path, request: pytest.FixtureRequest) -> Iterator[Running]:
    with serving(folder, request.param) as running:
        yield running


def test_it_prints_when_it_is_ready(shared: Running) -> None:
    ready = [line for line in shared.log.splitlines() if line.startswith("aigw-extproc: ")]
    workers = len(shared.workers())
    expected = f"{workers} workers ready" if workers else f"ready on unix://{shared.folder}/p.sock"
    assert ready == [f"aigw-extproc: {expected}"]


def test_each_socket_answers_health_checks(shared: Running) -> None:
    sockets = sorted(shared.folder.glob("p.sock*"))
    assert len(sockets) == max(1, len(shared.workers()))
    for path in sockets:
        with grpc.insecure_channel(f"unix:{path}") as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_only_owner_and_group_can_connect_to_the_socket(shared: Running) -> None:
    modes = {path.stat().st_mode & 0o777 for path in shared.folder.glob("p.sock*")}
    assert modes == {0o660}


def test_the_operators_port(shared: Running) -> None:
    assert (shared.admin("/healthz").status_code, shared.admin("/healthz").text) == (200, "ok\n")
    ready = shared.admin("/readyz")
    assert (ready.status_code, ready.json()["ready"], ready.json()["config"]["problems"]) == (200, True, [])


@pytest.mark.parametrize("workers", [1, 2], ids=["one process", "two workers"])
def test_it_can_wait_for_credentials(folder: Path, workers: int) -> None:
    region = ("--region", "us-east-1")
    with serving(folder, workers, "--ready-needs-credentials", source=region) as running:
        assert running.admin("/readyz").status_code == 503
        keys = "[default]\naws_access_key_id = AKIDOFTEST\naws_secret_access_key = key\n"
        (folder / "credentials").write_text(keys)
        wait_for(lambda: running.admin("/readyz").status_code == 200 or None, what="credentials", seconds=30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_without_an_error(running: Running, number: signal.Signals) -> None:
    workers = running.workers()
    running.process.send_signal(number)
    assert running.process.wait(10) == 0
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []
    assert "Traceback" not in running.log


@pytest.mark.parametrize("running", [2], indirect=True)
def test_a_worker_that_dies_is_started_again(running: Running) -> None:
    first, second = running.workers()
    assert running.running_workers() == 2
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: running.running_workers() == 1 or None, what="the death")
    wait_for(lambda: running.running_workers() == 2 or None, what="the new worker")
    assert second in running.workers()
    assert all(_served(running.folder / name) for name in ("p.sock", "p.sock-1"))
    death = "worker 0 ended by itself (killed by SIGKILL); its log has the reason. It is started again in 0.1 s"
    assert death in running.log
    assert "Traceback" not in running.log


@pytest.mark.parametrize("running", [2], indirect=True)
def test_workers_that_die_again_and_again_end_the_process(running: Running) -> None:
    _, second = running.workers()
    for _ in range(5):
        first = wait_for(lambda: next(iter(set(running.workers()) - {second}), None), what="a worker", seconds=20)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda first=first: not Path(f"/proc/{first}").exists() or None, what="its death")
    assert running.process.wait(15) == 1
    last = running.log.splitlines()[-1]
    reason = "killed by SIGKILL), the last of 5 such ends in 60 s; its log has the reason"
    assert last == f"worker 0 ended by itself ({reason}"
    assert not Path(f"/proc/{second}").exists()
    assert "Traceback" not in running.log


def test_a_socket_that_is_removed_is_listened_on_again(running: Running) -> None:
    path = running.folder / "p.sock"
    path.unlink()
    wait_for(lambda: (path.exists() and _served(path)) or None, what="the socket")
    assert path.stat().st_mode & 0o777 == 0o660
    assert wait_for(lambda: running.admin("/readyz").status_code == 200 or None, what="readiness")
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(10) == 0
    assert not path.exists()
    assert f"the socket unix://{path} is gone: listening on it again" in running.log
    assert "Traceback" not in running.log


def test_with_an_envoy_that_does_not_answer_it_is_not_ready(folder: Path) -> None:
    with serving(folder, 1, "--envoy-admin", f"{folder}/nobody.sock") as running:
        assert (running.admin("/readyz").status_code, running.admin("/readyz").json()["ready"]) == (503, False)


def test_a_second_processor_leaves_the_first_alone(shared: Running) -> None:
    path = shared.folder / "p.sock"
    ended = serve(shared.folder, "all.yaml", "--listen", f"unix://{path}")
    assert ended == Ended(code=1, out="", err=f"the socket {path} is in use; choose another with --listen\n")
    assert shared.admin("/readyz").status_code == 200


def test_an_abandoned_socket_is_replaced(running: Running) -> None:
    running.process.kill()
    running.process.wait()
    wait_for(lambda: None if _served(running.folder / "p.sock") else True, what="the workers to end")
    ended = serve(running.folder, "route.yaml", "--listen", f"unix://{running.folder}/p.sock")
    assert ended.err.splitlines()[-1] == REFUSED  # and not that it is in use


def _served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
