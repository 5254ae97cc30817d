"""LiteLLM on the same work: one worker of its proxy, with the same upstream, in the same run as ours.

It has its own environment, since it needs other versions than ours. The release is pinned, since figures are only
meaningful for a release.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from aigw_extproc.config.snapshot import Address
from aigw_extproc.serve.child import Child, OnLog
from aigw_extproc.serve.probes import all_accept
from benchmarks.bounds import PEER
from benchmarks.findings import Findings
from benchmarks.measure import measure_all
from benchmarks.parts import INTERVAL, OURS, Effort
from benchmarks.processes import running
from benchmarks.scenarios import PEERS
from benchmarks.stacks import ALONE, RunningStack, Stack, Upstream, running_stacks, running_upstream
from benchmarks.traffic import MODEL

RELEASE = "litellm[proxy]==1.106.12"
VENV = Path(__file__).parents[1] / ".venv-litellm"
ENVIRONMENT = {
    "LITELLM_LOG": "ERROR",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
}
"""It fetches no prices at its start and, like ours, requires no authentication: on loopback, without real keys."""
START_SECONDS = 180.0
LITELLM = Stack(name=PEER, translates=True, adapt=ALONE.adapt, processor=None)


class NotInstalled(Exception):
    """The peer could not be installed. The message has pip's exit code."""


async def litellm(folder: Path, effort: Effort, findings: Findings) -> None:
    """Measure ours on each transport, and LiteLLM, in turns.

    Raises:
        ChildFailed: it did not start.
        NotInstalled: pip failed.
    """
    await _install()
    async with (
        running_upstream(folder, *INTERVAL, on_log=effort.on_log) as upstream,
        running_stacks(OURS, folder, upstream, on_log=effort.on_log) as ours,
        _running(folder, upstream, effort.on_log) as peer,
    ):
        findings.measurements.extend(await measure_all(PEERS, [*ours, peer], rounds=effort.rounds, share=effort.share))


async def _install() -> None:
    """Install the release, unless it is installed."""
    done = VENV / RELEASE
    if done.exists():
        return
    print(f"installing {RELEASE} into {VENV.name}, once", file=sys.stderr)
    for command in (
        (sys.executable, "-m", "venv", str(VENV)),
        (str(VENV / "bin/pip"), "install", "--quiet", "--prefer-binary", RELEASE),
    ):
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        if (await process.communicate())[1] and process.returncode:
            raise NotInstalled(f"{' '.join(command)}: exit code {process.returncode}")
    done.touch()


@contextlib.asynccontextmanager
async def _running(folder: Path, upstream: Upstream, on_log: OnLog) -> AsyncIterator[RunningStack]:
    file = folder / "litellm.yaml"
    file.write_text(json.dumps(configuration(upstream.port)))
    port = _free_port()
    address = Address(host="127.0.0.1", port=port)

    async def ready() -> bool:
        return await all_accept((address,))

    where = ("--host", address.host, "--port", str(port))
    argv = (str(VENV / "bin/litellm"), "--config", str(file), *where, "--num_workers", "1", "--telemetry", "False")
    child = Child(name=PEER, argv=argv, env=ENVIRONMENT, ready=ready, ready_seconds=START_SECONDS)
    async with running(child, on_log) as process:
        await process.until_ready()
        yield RunningStack(
            stack=LITELLM, port=port, pids={"processor": process.pid, "upstream": upstream.pid}, admin=None
        )


def configuration(port: int) -> dict[str, object]:
    """Return the configuration of LiteLLM's proxy: one model, on Converse, at our upstream. JSON is YAML."""
    parameters = {
        "model": f"bedrock/converse/{MODEL}",
        "aws_access_key_id": "AKIDEXAMPLE",
        "aws_secret_access_key": "an example",
        "aws_region_name": "us-east-1",
        "aws_bedrock_runtime_endpoint": f"http://127.0.0.1:{port}",
    }
    return {"model_list": [{"model_name": MODEL, "litellm_params": parameters}]}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
