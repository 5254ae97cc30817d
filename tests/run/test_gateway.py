"""`run` with a real Envoy, a real processor, and the simulator or an upstream of the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from aigw_extproc.config.cluster_names import by_content
from aigw_extproc.config.files import key_file
from aigw_extproc.config.files.load import load
from aigw_extproc.config.snapshot import Address, Snapshot
from aigw_extproc.envoy.options import Options
from aigw_extproc.errors import ConfigError
from aigw_extproc.run.envoy import Clusters, EnvoyFiles
from aigw_extproc.run.gateway import LOCAL_HOSTS, RunOptions, curl, plan, run
from aigw_extproc.run.ports import PortUnavailable, require_free
from aigw_extproc.serve.child import ChildFailed, python
from aigw_extproc.serve.source import ConfigurationSource
from tests.envoy_config.running import Handler, running_upstream
from tests.envoy_config.snapshots import snapshot, upstream
from tests.serve.test_supervisor import alive, ignore, until

QUESTION = {"model": "us.amazon.nova-micro-v1:0", "messages": [{"role": "user", "content": "Hello!"}]}


def free_address() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return Address(host="127.0.0.1", port=server.getsockname()[1])


def demo(**fields: Any) -> RunOptions:
    """Return options for the demonstration, on free ports."""
    source = ConfigurationSource(simulator=free_address())
    options = {"source": source, "start_simulator": True, "listen": free_address(), "admin": free_address(), **fields}
    return RunOptions(**options)


def url(options: RunOptions) -> str:
    return f"http://127.0.0.1:{options.listen.port}/v1/chat/completions"


def descendants(pid: int) -> dict[int, str]:
    """Return all descendants of a process, and their command lines."""
    processes: dict[int, str] = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # some may end meanwhile
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                processes |= {
                    child: Path(f"/proc/{child}/cmdline").read_text().replace("\0", " "),
                    **descendants(child),
                }
    return processes


@pytest.fixture
def others() -> set[int]:
    """Processes that fixtures of other tests have started."""
    return set(descendants(os.getpid()))


def ours(others: set[int]) -> dict[int, str]:
    """Return the descendants that this test has started, and their command lines."""
    return {pid: command for pid, command in descendants(os.getpid()).items() if pid not in others}


@contextlib.asynccontextmanager
async def running(options: RunOptions) -> AsyncIterator[str]:
    """Run everything during the block; yield the curl command."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(options, on_ready=ready.set_result, on_log=ignore))
        yield await ready
        os.kill(os.getpid(), signal.SIGTERM)


async def test_the_demonstration_answers_and_leaves_no_process_or_file(others: set[int]) -> None:
    options = demo()
    async with running(options), httpx.AsyncClient() as client:
        answer = await client.post(url(options), json=QUESTION, timeout=20)
        assert (await client.get(f"http://{options.admin}/readyz")).json()["ready"] is True
        models = (await client.get(url(options).replace("chat/completions", "models"))).json()["data"]
        children = ours(others)
        runtime = Path(next(c for c in children.values() if "envoy.yaml" in c).split("--config-path ")[1].split()[0])
        mode = runtime.parent.stat().st_mode & 0o777
    assert (answer.status_code, answer.json()["object"]) == (200, "chat.completion")
    assert {"claude-opus-5-5", QUESTION["model"]} <= {model["id"] for model in models}
    assert mode == 0o700
    assert ([pid for pid in children if alive(pid)], runtime.parent.exists()) == ([], False)


async def test_responses_are_kept_while_it_runs() -> None:
    options = demo(workers=2)
    base = f"http://127.0.0.1:{options.listen.port}/v1/responses"
    async with running(options), httpx.AsyncClient(timeout=20) as client:
        created = (await client.post(base, json={"model": QUESTION["model"], "input": "Hello!"})).json()
        for _ in range(4):
            assert (await client.get(f"{base}/{created['id']}")).json() == created
        assert created["store"] is True


@pytest.mark.parametrize(
    ("listen", "allowed", "arguments"),
    [
        ("127.0.0.1", (), ["--allow-host=localhost", "--allow-host=127.0.0.1", "--allow-host=[::1]"]),
        ("::1", ("gw.test",), [*(f"--allow-host={host}" for host in (*LOCAL_HOSTS, "gw.test"))]),
        ("127.0.0.1", ("*",), []),
        ("10.1.2.3", (), ["--exposed"]),
        ("10.1.2.3", ("gw.test",), ["--allow-host=gw.test", "--exposed"]),
    ],
)
def test_who_may_come_in(listen: str, allowed: tuple[str, ...], arguments: list[str], tmp_path: Path) -> None:
    options = demo(listen=Address(host=listen, port=1975), allowed_hosts=allowed)
    files = EnvoyFiles(tmp_path, Options(listen=options.listen))
    (*_, processor), _ = plan(options, Snapshot(rules=()), ["unix:///p.sock"], files, tmp_path / "admin.sock")
    assert list(processor.argv[-len(arguments) :] if arguments else ()) == arguments


async def test_a_page_of_a_foreign_site_cannot_use_the_gateway() -> None:
    options = demo()
    async with running(options), httpx.AsyncClient(timeout=20) as client:
        rebound = await client.post(url(options), json=QUESTION, headers={"host": "evil.example"})
        local = await client.post(url(options), json=QUESTION, headers={"host": f"localhost:{options.listen.port}"})
    assert (rebound.status_code, rebound.json()["error"]["code"], local.status_code) == (403, "host_not_allowed", 200)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_printed_curl_command_works() -> None:
    async with running(demo(workers=2)) as command:
        shell = await asyncio.create_subprocess_shell(f"{command} --silent", stdout=asyncio.subprocess.PIPE)
        output, _ = await shell.communicate()
    assert json.loads(output)["object"] == "chat.completion"


async def test_a_file_of_keys_is_required_and_reloaded_without_resource_files(tmp_path: Path) -> None:
    file = tmp_path / "keys.yaml"
    first = key_file.create(file, "first")
    source = ConfigurationSource(simulator=free_address(), api_keys=file)
    async with running(demo(source=source, workers=2)) as command, httpx.AsyncClient(timeout=20) as client:

        async def statuses(key: str) -> set[int]:
            """Return the statuses of some requests, which reach both workers."""
            headers = {"authorization": f"Bearer {key}"}
            answers = [await client.post(url_of(command), json=QUESTION, headers=headers) for _ in range(8)]
            return {answer.status_code for answer in answers}

        assert "YOUR_API_KEY" in command
        assert (await statuses(first), await statuses("junk")) == ({200}, {401})
        second = key_file.create(file, "second")
        key_file.revoke(file, "first")
        begun = time.monotonic()
        while (await statuses(first), await statuses(second)) != ({401}, {200}):
            assert time.monotonic() - begun < 4
        key_file.revoke(file, "second")
        begun = time.monotonic()
        while await statuses(second) != {401}:
            assert time.monotonic() - begun < 4


def url_of(command: str) -> str:
    """Return the URL in a curl command."""
    return shlex.split(command)[1]


def converse(text: str, release: threading.Event | None = None, arrived: threading.Event | None = None) -> Any:
    """Return an upstream that answers like Bedrock, after `release` if it is given."""
    output = {"message": {"role": "assistant", "content": [{"text": text}]}}
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    answer = {"output": output, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}
    body = json.dumps(answer).encode()

    def respond(handler: Handler) -> None:
        if arrived and release:
            arrived.set()
            release.wait(20)
        handler.send_response_only(200)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def text_of(response: httpx.Response) -> str:
    return response.json()["choices"][0]["message"]["content"]


async def test_requests_under_way_are_completed() -> None:
    release, arrived = threading.Event(), threading.Event()
    with running_upstream() as upstream:
        upstream.reset(converse("late", release, arrived))
        source = ConfigurationSource(simulator=Address(host="127.0.0.1", port=upstream.port))
        options = demo(source=source, start_simulator=False)
        async with httpx.AsyncClient(timeout=20) as client, asyncio.TaskGroup() as tasks, running(options):
            response = tasks.create_task(client.post(url(options), json=QUESTION))
            await until(arrived.is_set)
            tasks.create_task(release_when_refused(options.listen, release))
    assert text_of(response.result()) == "late"


async def test_a_backend_that_moves_drops_no_request(tmp_path: Path) -> None:
    release, arrived = threading.Event(), threading.Event()
    file = tmp_path / "resources.yaml"
    with running_upstream() as old, running_upstream() as new:
        old.reset(converse("old", release, arrived))
        new.reset(converse("new"))
        file.write_text(RESOURCES.replace("8091", str(old.port)))
        options = demo(source=ConfigurationSource(paths=(file,)), start_simulator=False)
        async with running(options), httpx.AsyncClient(timeout=20) as client, asyncio.TaskGroup() as tasks:
            under_way = tasks.create_task(client.post(url(options), json=QUESTION))
            await until(arrived.is_set)
            others = [under_way]
            file.write_text(RESOURCES.replace("8091", str(new.port)))
            async with asyncio.timeout(10):
                while not new.received:
                    others.append(tasks.create_task(client.post(url(options), json=QUESTION)))
                    await asyncio.sleep(0.1)
            release.set()
    assert text_of(under_way.result()) == "old"
    assert {response.result().status_code for response in others} == {200}


def on_backend(name: str, port: int) -> str:
    """Return the resources with a Backend of this name, at this port."""
    return re.sub(r"\bname: b\b", f"name: {name}", RESOURCES).replace("8091", str(port))


async def test_a_rule_that_changes_its_backend_drops_no_request(tmp_path: Path) -> None:
    file = tmp_path / "resources.yaml"
    with running_upstream() as old, running_upstream() as new:
        old.reset(converse("old"))
        new.reset(converse("new"))
        file.write_text(on_backend("b", old.port))
        options = demo(source=ConfigurationSource(paths=(file,)), start_simulator=False)
        async with running(options), httpx.AsyncClient(timeout=20) as client:
            file.write_text(on_backend("c", new.port))
            responses = []
            async with asyncio.timeout(10):
                while not new.received:
                    responses.append(await client.post(url(options), json=QUESTION))
    assert {response.status_code for response in responses} == {200}
    assert (text_of(responses[0]), text_of(responses[-1])) == ("old", "new")


async def test_clusters_are_kept_while_they_are_used(tmp_path: Path) -> None:
    def clusters() -> list[str]:
        file = tmp_path / "clusters.yaml"
        resources = yaml.safe_load(file.read_text()).get("resources", [])
        assert all(one["name"].startswith(f"{one['alt_stat_name']}@") for one in resources)
        return [one["alt_stat_name"] for one in resources]

    one, two, three = (snapshot(upstream(name)) for name in "abc")
    files = EnvoyFiles(tmp_path, Options())
    files.write_changes(one)
    changes = Clusters(files, one, kept_seconds=1)
    changes.change(two)
    changes.change(three)
    assert clusters() == ["a", "b", "c"]
    await until(lambda: clusters() == ["a", "b", "c"] and changes._known == by_content(three))
    await until(lambda: clusters() == ["c"])


async def release_when_refused(address: Address, release: threading.Event) -> None:
    """Let the request go on when Envoy accepts no more connections."""

    def refused() -> bool:
        with socket.socket() as client:
            return client.connect_ex((address.host, address.port)) != 0

    await until(refused)
    release.set()


@pytest.mark.parametrize(
    ("name", "part"), [("envoy", "envoy.yaml"), ("processor", " serve "), ("simulator", " simulator ")]
)
async def test_a_child_that_is_killed_ends_everything(name: str, part: str, others: set[int]) -> None:
    options = demo()
    children: dict[int, str] = {}

    def kill_one(_: str) -> None:
        children.update(ours(others))
        os.kill(next(pid for pid, command in children.items() if part in command), signal.SIGKILL)

    with pytest.raises(ChildFailed) as raised:
        await run(options, on_ready=kill_one, on_log=ignore)
    assert [pid for pid in children if alive(pid)] == []
    assert str(raised.value).startswith(f"{name} ended by itself (killed by SIGKILL); its last lines:\n  ")


@pytest.mark.parametrize(
    ("field", "option"), [("listen", "--port"), ("admin", "--admin-port"), ("source", "--simulator-port")]
)
async def test_a_port_in_use_is_reported_before_anything_starts(field: str, option: str, others: set[int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        address = Address(host="127.0.0.1", port=port)
        value = ConfigurationSource(simulator=address) if field == "source" else address
        with pytest.raises(PortUnavailable) as raised:
            await run(demo(**{field: value}), on_ready=lambda _: None, on_log=ignore)
    assert str(raised.value) == f"port {port} on 127.0.0.1 is in use; choose another with {option}"
    assert ours(others) == {}


async def test_a_port_that_another_envoy_shares_is_in_use() -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortUnavailable, match="is in use"):
            require_free(Address(host="127.0.0.1", port=taken.getsockname()[1]), option="--port")


def test_an_address_of_another_machine() -> None:
    with pytest.raises(PortUnavailable) as raised:
        require_free(Address(host="192.0.2.1", port=1975), option="--port")
    assert str(raised.value) == ("port 1975 on 192.0.2.1 is not an address of this machine; choose another with --port")


async def test_an_invalid_configuration_starts_nothing(tmp_path: Path, others: set[int]) -> None:
    (tmp_path / "bad.yaml").write_text("kind: Nonsense\n")
    options = demo(source=ConfigurationSource(paths=(tmp_path,)), start_simulator=False)
    with pytest.raises(ConfigError):
        await run(options, on_ready=lambda _: None, on_log=ignore)
    assert ours(others) == {}


def test_no_secret_is_on_a_command_line_or_in_a_file(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    file = tmp_path / "aws.yaml"
    file.write_text(RESOURCES)
    options = demo(source=ConfigurationSource(paths=(file,)), start_simulator=False)
    admin = runtime / "admin.sock"
    files = EnvoyFiles(runtime, Options(listen=options.listen, admin=admin))
    stages = plan(options, load([file]).snapshot, [f"unix://{runtime}/p.sock"], files, admin)
    texts = [text for stage in stages for child in stage for text in (*child.argv, *child.env.values())]
    texts += [written.read_text() for written in runtime.iterdir()]
    assert [text for text in texts if "CANARY" in text or "canary" in text] == []


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1975/"),
        ("0.0.0.0", "http://127.0.0.1:1975/"),  # noqa: S104 - only an address
        ("::", "http://[::1]:1975/"),
        ("gw.example", "http://gw.example:1975/"),
    ],
)
def test_the_curl_command_has_an_address_that_clients_can_connect_to(host: str, url: str) -> None:
    words = shlex.split(curl(Address(host=host, port=1975), Snapshot(rules=())))
    assert words[1].startswith(url)


@pytest.fixture
def killed() -> Iterator[list[int]]:
    """Processes to kill at the end, even if the test fails."""
    pids: list[int] = []
    yield pids
    for pid in filter(alive, pids):
        os.kill(pid, signal.SIGKILL)


RUN = """
import asyncio, os, sys
from aigw_extproc.config.snapshot import Address
from aigw_extproc.run.envoy import Clusters, EnvoyFiles
from aigw_extproc.run.gateway import RunOptions, run
from aigw_extproc.serve.source import ConfigurationSource
ports = sys.argv[1:]
listen, admin, simulator = (Address(host="127.0.0.1", port=int(port)) for port in ports)
source = ConfigurationSource(simulator=simulator)
options = RunOptions(source=source, start_simulator=True, listen=listen, admin=admin)
asyncio.run(run(options, on_ready=lambda _: print("ready", flush=True), on_log=lambda *_: None))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
async def test_nothing_outlives_a_run_that_is_killed(killed: list[int]) -> None:
    ports = [str(free_address().port) for _ in range(3)]
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, *ports, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    await parent.stdout.readline()
    killed += descendants(parent.pid)
    assert len(killed) >= 3
    parent.kill()
    await parent.wait()
    await until(lambda: not any(map(alive, killed)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
async def test_no_worker_outlives_a_processor_that_is_killed(tmp_path: Path, killed: list[int]) -> None:
    arguments = ("--simulator", "127.0.0.1:1", "--listen", f"unix://{tmp_path}/p", "--workers", "2", "--no-admin")
    parent = await asyncio.create_subprocess_exec(*python("serve", *arguments), stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    await parent.stdout.readline()
    killed += descendants(parent.pid)
    assert len(killed) == 2
    parent.kill()
    await parent.wait()
    await until(lambda: not any(map(alive, killed)))


RESOURCES = """
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIGatewayRoute
metadata: {name: r}
spec:
  rules:
    - backendRefs: [{name: b}]
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: AIServiceBackend
metadata: {name: b}
spec:
  schema: {name: AWSBedrock}
  backendRef: {name: b, kind: Backend, group: gateway.envoyproxy.io}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: b}
spec:
  endpoints: [{ip: {address: 127.0.0.1, port: 8091}}]
---
apiVersion: aigateway.envoyproxy.io/v1beta1
kind: BackendSecurityPolicy
metadata: {name: b}
spec:
  targetRefs: [{group: aigateway.envoyproxy.io, kind: AIServiceBackend, name: b}]
  type: AWSCredentials
  awsCredentials: {region: us-east-1, credentialsFile: {secretRef: {name: b}}}
---
apiVersion: v1
kind: Secret
metadata: {name: b}
stringData:
  credentials: |
    [default]
    aws_access_key_id = AKIDCANARY
    aws_secret_access_key = canary-secret
"""
